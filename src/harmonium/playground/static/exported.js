// The page of one exported model.

import { element } from "./dom.js";
import { drawMode } from "./draw.js";
import { localSource } from "./local.js";
import { lookMode } from "./look.js";
import { framePlayer } from "./player.js";
import { modes } from "./modes.js";
import { say, words } from "./words.js";

const held = JSON.parse(document.getElementById("held").textContent);
const source = localSource(held), player = framePlayer(source);
document.querySelector("main").append(...modes({
  [words.draw.tab]: drawMode(source, player),
  [words.look.tab]: lookMode(source, player),
}));
document.querySelector("footer").append(element("p", {},
  say(words.page.half, { nats: held.facts.rounding.toPrecision(1) }), " ", words.page.made));
player.begin();
