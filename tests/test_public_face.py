"""What `import kws` gives, and that it stays small and quick."""

import subprocess
import sys

import pytest

import kws


def test_the_public_names() -> None:
    assert sorted(kws.__all__) == [
        "Detected",
        "Detection",
        "Event",
        "KeywordModel",
        "KwsError",
        "Spotter",
        "listen",
        "load_model",
        "scan",
    ]
    for name in kws.__all__:
        assert getattr(kws, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kws.nothing  # noqa: B018


def test_importing_kws_imports_nothing_large() -> None:
    large = "{'torch', 'numpy', 'onnxruntime'}"
    code = f"import sys, kws; sys.exit(bool({large} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_listening_imports_nothing_large() -> None:
    large = "{'torch', 'numpy', 'onnxruntime', 'sounddevice'}"
    code = f"import sys, kws; kws.listen, kws.Detected; sys.exit(bool({large} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_kws_never_imports_train() -> None:
    code = (
        "import sys, pkgutil, importlib, kws\n"
        "for m in pkgutil.walk_packages(kws.__path__, 'kws.'):\n"
        "    m.name == 'kws.__main__' or importlib.import_module(m.name)\n"
        "sys.exit(any(n.split('.')[0] == 'train' for n in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
