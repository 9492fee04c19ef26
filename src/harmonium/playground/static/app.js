// The playground: one model to draw on and look into, one to take apart, and one to watch as it learns.

import { button, element } from "./dom.js";
import { drawMode } from "./draw.js";
import { learnMode } from "./learn.js";
import { lookMode } from "./look.js";
import { microscopeMode } from "./microscope.js";
import { modes } from "./modes.js";
import { framePlayer } from "./player.js";
import { connect, remoteSource } from "./socket.js";
import { say, words } from "./words.js";

const TRIES = 20, WAIT = 50, LEARNING = 2000; // milliseconds until the server is asked again
const main = document.querySelector("main"), title = document.querySelector("h1");
const token = location.hash.slice(1);
const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });
const notice = element("p", { class: "notice", role: "status" }, words.app.waking);
let player = null, wire = null;

function tell(...parts) {
  notice.replaceChildren(...parts);
  notice.hidden = !parts.length;
}

// What goes wrong is told in the words of the server; where it says none, it has ended.
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  tell(event.reason.message || words.app.ended);
});

function ended() {
  player?.stop();
  tell(words.app.ended);
}

const ask = (type, fields) => wire.ask(type, fields);
main.replaceChildren(notice);

/** Return the first answer of the server; a busy one may close a socket that it has not heard in time. */
async function greeted() {
  for (let left = TRIES; ; left--) {
    wire = connect(token, ended);
    try {
      return await wire.greeted;
    } catch (error) {
      if (!left) throw error;
    }
    await pause(WAIT);
    tell(words.app.waking);
  }
}

/** Return the facts of the command's model, once it is there; asking for them leaves the chains as they are. */
async function first() {
  let facts = await greeted();
  while (!facts.ready) {
    await pause(WAIT);
    facts = await ask("hello", { token });
  }
  return facts;
}

/** Show a model in all modes; the training goes on in its own. */
async function open(facts) {
  player?.stop();
  const source = remoteSource(ask, facts);
  player = framePlayer(source);
  title.textContent = say(words.app.title, facts);
  document.title = `${facts.name} · harmonium`;
  const look = lookMode(source, player);
  main.replaceChildren(notice, ...modes({
    [words.draw.tab]: drawMode(source, player),
    ...(facts.layers.length ? { [words.look.tab]: look } : {}),
    [words.microscope.tab]: microscope,
    [words.learn.tab]: learn ??= learnMode(ask, () => connect(token, () => {}), facts, switchTo),
  }));
  scrollTo(0, 0);
  tell();
  if (facts.of !== "run") tell(words.app.trained, " ", button(words.app.back, () => switchTo("run")));
  player.begin();
  if (facts.learning) follow(look);
}

const switchTo = async (of) => open(await ask("model", { of }));

/** Say that the model still learns, and show its hidden units anew until it has learned. */
async function follow(look) {
  tell(words.app.learning);
  while ((await ask("hello", { token })).learning) {
    look.dispatchEvent(new Event("learned"));
    await pause(LEARNING);
  }
  look.dispatchEvent(new Event("learned"));
  tell();
}

const microscope = microscopeMode(ask);
let learn = null;
first().then(open);
