"""How a report looks, and the few lines of script that move a cursor while sound plays."""

from train.reporting.theme import DARK, LIGHT

_TEXT = """
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1 { font-size: clamp(1.7rem, 4vw, 2.4rem); line-height: 1.15; margin: 0; }
h2 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 8px; }
h3 { font-size: 1rem; margin: 20px 0 8px; }
h1, h3, code, dd, footer { overflow-wrap: anywhere; }
p, ul { margin: 0 0 14px; max-width: 75ch; }
ul { padding-left: 1.2em; }
li { margin-bottom: 6px; }
a { color: var(--accent); text-underline-offset: 3px; }
code { font-size: .92em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.muted, .over, footer { color: var(--muted); font-size: .92rem; }
.over { margin-bottom: 6px; }
"""

_LAYOUT = """
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 36px; }
footer { padding-bottom: 48px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 12px; top: 12px; background: var(--surface); padding: 8px 12px; z-index: 2; }
nav ul {
  display: flex; flex-wrap: wrap; gap: 4px 18px; max-width: none;
  list-style: none; padding: 0 4px; font-size: .92rem;
}
section {
  background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
  padding: 22px 24px; margin: 22px 0;
}
section { scroll-margin-top: 12px; }
.wide { overflow-x: auto; margin: 14px 0; }
.wide:focus-visible { outline-offset: 0; }
details { margin: 12px 0; }
summary { cursor: pointer; font-weight: 600; margin-bottom: 8px; }
@media (max-width: 600px) {
  main, header, footer { padding-left: 12px; padding-right: 12px; }
  header { padding-top: 22px; }
  section { padding: 16px 14px; margin: 14px 0; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
"""

_VERDICT = """
.tone-good { --tone: var(--good); }
.tone-unsure { --tone: var(--unsure); }
.tone-bad { --tone: var(--bad); }
.verdict { border-left: 6px solid var(--tone); }
.verdict h2 { font-size: 1.6rem; margin-bottom: 14px; }
.aims { list-style: none; padding: 0; max-width: none; }
.aims li { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: baseline; }
.aims span { flex: 1 1 22rem; }
.mark {
  flex: 0 0 8.4rem; text-align: center; white-space: nowrap; font-size: .85rem; font-weight: 600;
  color: var(--tone); border: 1.5px solid currentColor; border-radius: 99px; padding: 0 8px;
}
.tiles {
  display: grid; gap: 12px; margin: 18px 0;
  grid-template-columns: repeat(auto-fit, minmax(300px, 1fr));
}
.tile { border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.tile dt, .tile .detail { font-size: .88rem; color: var(--muted); }
.tile dd { margin: 0; }
.tile .value {
  font-size: 1.7rem; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums;
}
@media (max-width: 600px) {
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
  .tile { padding: 10px; }
  .tile .value { font-size: 1.3rem; }
}
"""

_TABLES = """
table {
  border-collapse: collapse; min-width: 100%;
  font-size: .92rem; font-variant-numeric: tabular-nums;
}
caption { text-align: left; font-weight: 600; padding: 0 0 8px; white-space: nowrap; }
th, td {
  padding: 6px 10px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line);
}
thead th {
  color: var(--muted); font-weight: 500; vertical-align: bottom; white-space: normal;
}
th:first-child {
  text-align: left; padding-left: 0; font-weight: 500;
  position: sticky; left: 0; background: var(--surface);
}
tr > :last-child { padding-right: 2px; }
tr > .text { text-align: left; white-space: normal; min-width: 7.5rem; }
.bar {
  position: relative; display: block; width: 130px; height: 10px;
  border-radius: 5px; background: var(--line);
}
.bar::before, .bar::after {
  content: ""; position: absolute; top: 0; height: 100%;
  border-radius: 5px; background: var(--accent);
}
.bar::before { left: var(--low); right: calc(100% - var(--high)); opacity: .45; }
.bar::after { left: calc(var(--at) - 2px); width: 4px; }
.pair { display: flex; gap: 10px; }
.pair dt { flex: 0 0 6.5rem; color: var(--muted); }
.pair dd { margin: 0; min-width: 0; }
.settings { columns: 22rem; column-gap: 40px; font-size: .9rem; }
.settings .pair { break-inside: avoid; }
.settings dt { flex-basis: 60%; overflow-wrap: anywhere; }
dl { margin: 0 0 12px; }
"""

_SCENES = """
figure { margin: 16px 0 8px; }
img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
img.dark { display: none; }
@media screen and (prefers-color-scheme: dark) {
  img.dark { display: block; }
  img.light { display: none; }
}
.wide > figure img { max-width: none; }
.pictures {
  display: grid; gap: 24px 28px; margin: 16px 0 4px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr));
}
.pictures figure, .pictures .wide { margin: 0; min-width: 0; }
.beside { align-items: start; }
.pictures img, .scene img { width: 100%; }
.scene { min-width: 0; break-inside: avoid; }
.pictures .scene { border-top: 1px solid var(--line); }
.scene dl { font-size: .92rem; }
.long .stage { min-width: 860px; }
.stage { position: relative; cursor: pointer; }
.cursor {
  position: absolute; top: 4%; bottom: 12%; width: 2px; margin-left: -1px;
  background: var(--accent); visibility: hidden; pointer-events: none;
}
audio { display: block; width: 100%; height: 40px; margin-top: 6px; }
"""

_PRINT = """
@media print {
  body { font-size: 10pt; background: none; }
  nav, audio, .skip, .cursor { display: none; }
  section { border: 0; padding: 0; margin: 0 0 18pt; }
  .verdict { border-left: 4pt solid var(--tone); padding-left: 10pt; }
  .wide { overflow: visible; }
  .long .stage { min-width: 0; }
  .pictures { grid-template-columns: 1fr 1fr; }
  figure, tr, li, .tile { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  .bar, .bar::before, .bar::after { print-color-adjust: exact; }
}
"""

STYLE = (
    f":root {{ color-scheme: light dark; {LIGHT.variables()} }}\n"
    f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {DARK.variables()} }} }}\n"
    + "".join((_TEXT, _LAYOUT, _VERDICT, _TABLES, _SCENES, _PRINT))
)

SCRIPT = """
for (const scene of document.querySelectorAll(".scene")) {
  const sound = scene.querySelector("audio"), stage = scene.querySelector(".stage");
  const cursor = scene.querySelector(".cursor");
  const left = +stage.dataset.left, width = +stage.dataset.right - left;
  const show = () => {
    cursor.style.left = 100 * (left + width * sound.currentTime / sound.duration) + "%";
    if (!sound.paused) requestAnimationFrame(show);
  };
  sound.onplay = () => {
    for (const other of document.querySelectorAll("audio")) if (other !== sound) other.pause();
    cursor.style.visibility = "visible";
    show();
  };
  sound.onseeked = show;
  stage.onclick = (event) => {
    const box = stage.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width - left) / width;
    sound.currentTime = Math.min(1, Math.max(0, place)) * sound.duration;
    sound.play();
  };
}
"""
