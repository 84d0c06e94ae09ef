// Wires the page: what comes from the daemon, to the parts that show it.

import { Connection, WRONG_TOKEN } from "./connection.js";
import { Days } from "./days.js";
import { element, say } from "./dom.js";
import { EventList, LISTED } from "./events.js";
import { HISTORY_S, History } from "./history.js";
import { showIntegrations } from "./integrations.js";
import { Lanes } from "./lanes.js";
import { LevelChart, tellLevel } from "./level.js";
import { Levels } from "./levels.js";
import { Microphone, isMicrophoneAllowed } from "./microphone.js";
import { MuteButton } from "./mute.js";
import { TICK_S, WINDOW_S, keywordColour } from "./plot.js";
import { whileVisible } from "./repeat.js";
import { describeDaemon, showSources, sourceTitle, sourcesOf } from "./sources.js";
import { Spectrogram } from "./spectrogram.js";
import { askForToken, fetchWithToken, setUpTokenForm, tokenKey } from "./token.js";
import { thresholdsAsYaml } from "./yaml.js";

const HEALTH_MS = 1000;
const DAYS_MS = 60_000;
/** Events that can be marked in the pictures. */
const MARKED = 500;
/** At least, between two pictures; and for who asked their system for less motion. */
const PICTURE_MS = 40;
const CALM_PICTURE_MS = 1000;
/** Between two readings of a number: for eyes, and since a text costs more than a picture. */
const READING_MS = 500;

const find = (selector) => document.querySelector(selector);

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const levels = new Levels();
/** Events of the last minutes, of all streams; for the marks in the pictures. */
let fired = [];
let run = null;
let lastSeq = 0;
let isPaused = false;
/** Scores that came while the picture stood still, or nobody could see it. */
const held = [];
/** The stream that is shown; null: the daemon's own. */
let wanted = null;
let shown = null;
let history = new History([], 1);
let keywords = [];

const spectrogram = new Spectrogram(find("#spectrogram"), find("#frequencies"));
const muteButton = new MuteButton(find("#mute"), find("#mute-state"));
const level = new LevelChart(find("#level"));
const lanes = new Lanes(find("#lanes"), thresholdsMoved);
const list = new EventList(
  find("#events"), find("#announcer"), find("#player"),
  (keyword) => keywordColour(Math.max(0, keywords.indexOf(keyword))),
);

// ---- pictures

const days = new Days(
  find("#days"), (keyword) => keywordColour(Math.max(0, keywords.indexOf(keyword))),
);

let drawing = 0;
let drawn = 0;
let told = 0;
/** The last answer of /health that is not shown yet. */
let health = null;

/** All that runs, and from time to time what is slower; nothing where nobody can see it. */
function draw() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  if (document.hidden) return;
  drawn = performance.now();
  const { end } = history;
  const here = fired.filter(
    ({ stream, t }) => stream === shown && t <= end && t > end - WINDOW_S,
  );
  spectrogram.draw(history, here);
  level.draw(history);
  lanes.draw(history, here);
  // Last: a size that is asked for after a text has changed would have all be laid out once more.
  if (drawn - told >= READING_MS) tell();
}

/** What changes slowly: peaks and texts. */
function tell() {
  if (document.hidden) return;
  told = performance.now();
  lanes.tell(history);
  list.fade(told);
  tellLevel(find("#level-now"), history);
  say(find("#long-axis span"), `−${history.span / 60} min`);
  if (health !== null) showHealth(health);
}

function drawAll() {
  draw();
  tell();
}

/** With the next frame of the browser, once for all that came until then. */
function drawSoon() {
  if (drawing || document.hidden) return;
  const pause = calm.matches ? CALM_PICTURE_MS : PICTURE_MS;
  if (performance.now() - drawn >= pause) drawing = requestAnimationFrame(draw);
}

function thresholdsMoved() {
  const { chosen } = lanes;
  const yaml = find("#yaml");
  yaml.value = thresholdsAsYaml(chosen);
  yaml.rows = Math.max(2, chosen.size + 1);
  find("#copy").disabled = find("#reset").disabled = chosen.size === 0;
  say(find("#copied"), "");
  drawAll();
}

function takeScores(message) {
  if (message.stream !== shown) return;
  levels.set(message.stream, message.level_db);
  history.push(message);
  if (message.frames) spectrogram.push(message);
}

/** Take what is held, as soon as it is to be seen. */
function goOn() {
  if (document.hidden) return;
  if (!isPaused) held.splice(0).forEach(takeScores);
  drawSoon();
}

// ---- what the daemon says

const scores = new Connection("scores", {
  onOpen: () => watch(),
  onMessage: (message) => {
    if (message.type === "watching") {
      if (message.stream !== shown || message.keywords.join() !== keywords.join()) {
        history = new History(message.keywords, message.hop_s);
        spectrogram.configure(message);
      }
      shown = message.stream;
      find("#spectrogram").setAttribute("aria-label", `Log-mel spectrogram of ${shown}, running`);
      ({ keywords } = message);
      lanes.configure(message);
      days.draw();
      thresholdsMoved();
    } else if (message.type === "scores") {
      if (held.push(message) > HISTORY_S / history.hopS) held.shift();
      goOn();
    }
  },
  onEnd: (code, reason) => ended(code, reason),
});

function watch(stream = wanted) {
  wanted = stream;
  find("#stream").value = stream ?? "";
  if (scores.isOpen) scores.send({ stream, frames: true, ...tokenKey() });
}

const events = new Connection("events", {
  onOpen: () => {
    if (tokenKey().token !== undefined) events.send(tokenKey());
  },
  onMessage: (message) => {
    if (message.type === "hello") welcome(message);
    else if (message.type === "detection" || message.type === "status") takeEvent(message);
    else if (message.replay?.complete === false && lastSeq > 0) {
      list.remark("Some events were missed meanwhile.");
    }
  },
  onLost: (seconds) => {
    connectionIs("lost", `Connection lost. Trying again in ${seconds} s …`);
  },
  onEnd: (code, reason) => ended(code, reason),
});

let firstNewSeq = 0;

function welcome(hello) {
  const isAnew = run !== null && run !== hello.run;
  const isBack = run === hello.run;
  if (isAnew) {
    list.remark(`The daemon was restarted, as run ${hello.run}.`);
    fired = [];
    history = new History(keywords, history.hopS);
    draw();
  }
  if (isAnew || run === null) lastSeq = Math.max(0, hello.seq - 1 - LISTED);
  run = hello.run;
  firstNewSeq = hello.seq;
  events.send({ after: { run, seq: lastSeq }, ...tokenKey() });
  say(find("#model"), hello.model);
  document.title = `kws: ${hello.model}`;
  const at = new Date().toTimeString().slice(0, 8);
  if (isAnew) connectionIs("open", `Connected again; the daemon was restarted at ${at}.`);
  else connectionIs("open", isBack ? `Connected again at ${at}.` : "Connected");
  scores.wake();
  // If that fails, the connection is lost too, which is said there.
  askInfo().catch(() => {});
}

function takeEvent(message) {
  lastSeq = Math.max(lastSeq, message.seq);
  list.add(message, message.seq >= firstNewSeq);
  // A stream that begins counts its time from 0.
  if (message.status === "stream-started") {
    fired = fired.filter(({ stream }) => stream !== message.stream);
  }
  if (message.type !== "detection") return;
  fired = [...fired.filter(({ id }) => id !== message.id), message].slice(-MARKED);
  drawSoon();
}

function connectionIs(state, text) {
  const place = find("#connection");
  place.dataset.state = state;
  say(place, text);
  if (state !== "lost") return;
  // Nothing comes that would change it.
  list.fade(Infinity);
  tell();
}

function ended(code, reason) {
  if (code === WRONG_TOKEN) needToken();
  else connectionIs("lost", `The daemon ended the connection (${code}): ${reason}`);
}

function needToken() {
  events.close();
  scores.close();
  connectionIs("lost", "Not connected: the daemon asks for a token");
  askForToken(find("#token-form"));
}

/** What the daemon is set to; says at once, too, whether it wants a token. */
async function askInfo() {
  const answer = await fetchWithToken("info");
  if (answer.status === 401) {
    needToken();
    return false;
  }
  const { keep_audio_s: keep = 0, history_days: kept = 0 } = await answer.json();
  days.kept = kept > 0;
  days.load().catch(() => {});
  list.audible = keep > 0;
  say(
    find("#privacy"),
    keep > 0
      ? `Privacy: the daemon keeps the second of sound before each event for ${keep} s, in memory, ` +
          "for those who have its token. Click an event to hear it."
      : "Privacy: the daemon keeps no audio (server.keep_audio_s is 0), so events cannot be played.",
  );
  return true;
}

async function connect() {
  // Where nothing answers, the connection is what tries again.
  if (await askInfo().catch(() => true)) events.open();
}

// ---- sources

let browserStream = null;

let isAsking = false;

async function askHealth() {
  if (isAsking) return;
  isAsking = true;
  try {
    const answer = await (await fetchWithToken("health")).json();
    const sources = sourcesOf(answer);
    const others = sources.map(({ stream }) => stream).filter((stream) => stream !== shown);
    levels.follow(events.isOpen ? others : []);
    offerStreams(sources);
    // Where pictures are drawn, with the next of them.
    health = answer;
    if (performance.now() - drawn > HEALTH_MS) showHealth(health);
  } catch {
    health = null;
    say(find("#daemon"), "The daemon does not answer.");
  }
  isAsking = false;
}

function showHealth(answer) {
  health = null;
  showSources(find("#sources"), sourcesOf(answer), levels);
  showIntegrations(find("#integrations"), answer);
  say(find("#daemon"), describeDaemon(answer));
  muteButton.show(answer);
}

function offerStreams(sources) {
  // A daemon without a source of its own: anything is better to look at than nothing.
  if (wanted === null && sources.length && !sources[0].own) watch(sources[0].stream);
  const offers = sources.map((source) => [
    source.own ? "" : source.stream,
    source.stream === browserStream ? `${source.stream} (this browser)` : sourceTitle(source),
  ]);
  if (wanted !== null && !offers.some(([value]) => value === wanted)) {
    offers.push([wanted, `${wanted} (no sound now)`]);
  }
  if (!offers.length) offers.push(["", "no stream yet"]);
  const select = find("#stream");
  const told = JSON.stringify(offers);
  if (select.dataset.offers === told) return;
  select.dataset.offers = told;
  select.replaceChildren(...offers.map(([value, text]) => element("option", { value }, text)));
  select.value = wanted ?? "";
}

// ---- controls

const microphone = new Microphone({
  onStarted: (stream) => {
    browserStream = stream;
    watch(stream);
  },
  onState: (text) => {
    say(find("#microphone-state"), text);
    showMicrophone();
  },
  onStopped: () => showMicrophone(),
});

function showMicrophone() {
  const button = find("#microphone");
  button.classList.toggle("on", microphone.isOn);
  say(button, microphone.isOn ? "Stop the microphone" : "Use this browser's microphone");
}

function setUpMicrophone() {
  const button = find("#microphone");
  if (!isMicrophoneAllowed()) {
    button.disabled = true;
    say(
      find("#microphone-state"),
      "Browsers give a microphone only to pages on https or on the daemon's own machine " +
        `(http://localhost:${location.port || 80}). Open the page there, or put https in front.`,
    );
    return;
  }
  button.addEventListener("click", () => (microphone.isOn ? microphone.stop() : microphone.start()));
}

function setUpPause() {
  const button = find("#pause");
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.classList.toggle("on", isPaused);
    say(button, isPaused ? "Continue" : "Pause");
    goOn();
    drawAll();
  });
}

function setUpCopy() {
  find("#copy").addEventListener("click", async () => {
    const yaml = find("#yaml");
    try {
      await navigator.clipboard.writeText(yaml.value);
      say(find("#copied"), "Copied.");
    } catch {
      // Without https there is no clipboard for pages.
      yaml.select();
      say(find("#copied"), "Selected: copy it with Ctrl-C.");
    }
  });
  find("#reset").addEventListener("click", () => lanes.reset());
}

function setUpAxis() {
  const axis = find("#axis");
  for (let t = 0; t <= WINDOW_S; t += TICK_S) {
    const label = element("span", {}, t === 0 ? "now" : `−${t} s`);
    label.style.right = `${(100 * t) / WINDOW_S}%`;
    axis.prepend(label);
  }
}

setUpAxis();
setUpPause();
setUpCopy();
setUpMicrophone();
setUpTokenForm(find("#token-form"), connect);
find("#stream").addEventListener("change", ({ target }) => watch(target.value || null));
new ResizeObserver(drawAll).observe(find("#spectrogram"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.addEventListener("visibilitychange", goOn);
connect();
whileVisible(askHealth, HEALTH_MS);
whileVisible(() => days.load().catch(() => {}), DAYS_MS);
