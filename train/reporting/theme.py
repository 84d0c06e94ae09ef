"""The colours of a report, by day and by night; pictures and page share them."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Theme:
    """Colours as #rrggbb.

    Attributes:
        name: "light" or "dark".
        page: behind everything.
        surface: of cards and pictures.
        ink: text.
        muted: less important text, and axes.
        line: rules and grids.
        accent: links, and what is pointed at.
        good: what met its aim.
        unsure: what cannot be told yet.
        bad: what missed its aim.
        series: of keywords, told apart by colour-blind people too.
        ramp: of conditions that get harder, easiest first.
    """

    name: str
    page: str
    surface: str
    ink: str
    muted: str
    line: str
    accent: str
    good: str
    unsure: str
    bad: str
    series: tuple[str, ...]
    ramp: tuple[str, ...]

    def variables(self) -> str:
        """The single colours as CSS custom properties."""
        named = [(field.name, getattr(self, field.name)) for field in fields(self)[1:]]
        return " ".join(f"--{name}: {value};" for name, value in named if isinstance(value, str))


LIGHT = Theme(
    name="light",
    page="#f3f5f8",
    surface="#ffffff",
    ink="#18202a",
    muted="#586474",
    line="#dde2e9",
    accent="#1f5fbf",
    good="#177245",
    unsure="#8a5a00",
    bad="#b3261e",
    series=("#0069b4", "#d04e00", "#00875f", "#a83f8c", "#7a6a00", "#3b8fc2", "#8a5a44", "#5d5d5d"),
    ramp=("#08306b", "#1c6cb1", "#2a9d8f", "#e08a00", "#c1272d"),
)
DARK = Theme(
    name="dark",
    page="#0e1217",
    surface="#171d25",
    ink="#e6ebf1",
    muted="#9aa6b4",
    line="#2b3440",
    accent="#79b0ff",
    good="#4cc38a",
    unsure="#e2b04a",
    bad="#ff8078",
    series=("#5cb3f5", "#ff9a55", "#3ed6a3", "#e79fd3", "#d9cb4a", "#9bd0f5", "#d0a58e", "#b5b5b5"),
    ramp=("#d6e6ff", "#79b0ff", "#4fd1c0", "#ffb84d", "#ff7a72"),
)
THEMES = (LIGHT, DARK)
