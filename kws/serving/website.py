"""The page, as files that hold no secret and load nothing from elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from kws.serving.routes import Document

FOLDER = Path(__file__).parent / "web"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What the page may do (Content Security Policy Level 3)."""
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def website(folder: Path = FOLDER) -> Mapping[str, Document]:
    """The page's files by path, `/` for the page itself."""
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    documents = {
        f"/{file.name}": Document(_TYPES[file.suffix], file.read_bytes(), headers)
        for file in sorted(folder.iterdir())
        if file.suffix in _TYPES
    }
    return {"/": documents.pop("/index.html"), **documents}
