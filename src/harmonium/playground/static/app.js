// The playground: one model to draw on and look into, one to take apart, and one to watch as it learns.

import { element } from "./dom.js";
import { drawMode } from "./draw.js";
import { learnMode } from "./learn.js";
import { lookMode } from "./look.js";
import { microscopeMode } from "./microscope.js";
import { modes } from "./modes.js";
import { framePlayer } from "./player.js";
import { connect, remoteSource } from "./socket.js";
import { say, words } from "./words.js";

const WAIT = 250, LEARNING = 2000; // milliseconds until the server is asked again
const main = document.querySelector("main"), title = document.querySelector("h1");
const token = location.hash.slice(1);
const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });
const notice = element("p", { class: "notice", role: "status" }, words.app.waking);
let player = null;

function tell(text) {
  notice.textContent = text;
  notice.hidden = !text;
}

function ended() {
  player?.stop();
  tell(words.app.ended);
}

const wire = connect(token, ended);
main.replaceChildren(notice);

/** Return the facts of a model, once it is there. */
async function model(of) {
  let facts = await wire.ask("model", { of });
  while (!facts.ready) {
    await pause(WAIT);
    facts = await wire.ask("model", { of });
  }
  return facts;
}

/** Show a model in all modes; the training goes on in its own. */
async function open(of) {
  const facts = await model(of);
  player?.stop();
  const source = remoteSource(wire.ask, facts);
  player = framePlayer(source, (error) => tell(error.message || words.app.ended));
  title.textContent = say(words.app.title, facts);
  document.title = `${facts.name} · harmonium`;
  const look = lookMode(source, player);
  main.replaceChildren(notice, ...modes({
    [words.draw.tab]: drawMode(source, player),
    ...(facts.layers.length ? { [words.look.tab]: look } : {}),
    [words.microscope.tab]: microscope,
    [words.learn.tab]: learn ??= learnMode(wire.ask, () => connect(token, () => {}), facts, open),
  }));
  tell("");
  player.begin();
  if (facts.learning) follow(look);
}

/** Say that the model still learns, and show its hidden units anew until it has learned. */
async function follow(look) {
  tell(words.app.learning);
  while ((await wire.ask("model", { of: "run" })).learning) {
    look.dispatchEvent(new Event("learned"));
    await pause(LEARNING);
  }
  look.dispatchEvent(new Event("learned"));
  tell("");
}

const microscope = microscopeMode(wire.ask);
let learn = null;
wire.greeted.then(() => open("run")).catch(ended);
