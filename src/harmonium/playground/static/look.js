// Look inside: the hidden units as what they want to see, lit as they are on, floor above floor; a click holds one.

import { button, choose, element, menu, speaker, strip } from "./dom.js";
import { drawRows, drawSigned, limitOf, size } from "./tiles.js";
import { say, words } from "./words.js";

const MEMORY = 0.95; // of the running mean of a unit's activity
const WIDE = 840; // pixels of a floor at most, unless its units are many
const DIM = 0.22; // how much of a tile is seen while its unit is off
const RAISES = "#d6404e", LOWERS = "#3f8fe0";

/** Return the mode's element. */
export function lookMode(source, player) {
  const { facts } = source, spoken = speaker(300);
  const seen = element("canvas", { class: "dream", role: "img", "aria-label": words.draw.tab });
  const detail = unitDetail(source, spoken, () => floors);
  const floors = facts.layers.map((_, i) => unitFloor(source, i + 1, detail));
  const release = button(words.look.release, () => {
    for (const floor of floors) floor.release();
    detail.show();
  });
  const sorts = Object.entries(words.look.sorts).filter(([by]) => facts.picture || by !== "shape");
  const sort = menu(words.look.sort, sorts, sorts[0][0], (by) => floors.forEach((floor) => floor.sort(by)));
  player.listen((frame) => {
    drawRows(seen, frame.rows.slice(0, 1), facts.shape);
    floors.forEach((floor, i) => floor.light(frame.hidden[i]));
    detail.light();
  }, () => seen);
  const above = [...floors].reverse().map((floor) => floor.node);
  const learned = () => floors.forEach((floor) => floor.load());
  return element("section", { class: "look", "aria-label": words.look.tab, onlearned: learned },
    element("div", { class: "floors" }, element("h2", {}, words.look.lead),
      element("p", {}, words.look.about, " ", words.look.legend),
      element("div", { class: "tools" }, sort, release), ...above),
    element("div", { class: "beside" }, seen, detail.node, spoken.node));
}

/** Return one hidden layer as a grid of receptive fields. */
function unitFloor(source, layer, detail) {
  const count = source.facts.layers[layer - 1].width, [height, width] = size(source.facts.shape);
  const canvas = element("canvas", {
    tabindex: 0, role: "application", onkeydown: key, onclick: pick, onpointermove: pick, onpointerleave: detail.back,
    "aria-label": say(words.look.grid, { count, layer }),
  });
  const node = element("figure", { class: "floor" },
    element("figcaption", {}, say(words.look.floor, { layer, count })), canvas);
  const across = Math.min(count, Math.ceil(Math.sqrt((count * height * 1.6) / width))), tiles = document.createElement("canvas");
  const activity = new Float32Array(count).fill(0.5), held = new Map();
  let order = Array.from({ length: count }, (_, j) => j), fields = [], now = activity, at = 0, scale = 1, by = source.facts.picture ? "shape" : "size";
  const floor = { node, layer, held, activity, load, draw, light, sort, release, fields: () => fields, flow: null };

  async function load() {
    const first = !fields.length;
    fields = await source.fields(layer);
    floor.limit = limitOf(fields);
    sort(by);
    if (first && layer === 1) detail.pick(floor, order[0]);
  }

  function sort(chosen) {
    by = chosen;
    const norm = (j) => Math.hypot(...fields[j]);
    const shape = (j) => clearness(fields[j], height, width) * norm(j);
    const value = { shape, size: norm, activity: (j) => activity[j], effect: (j) => norm(j) * now[j] }[by];
    const values = Float32Array.from(fields, (_, j) => value(j));
    order = order.sort((i, j) => values[j] - values[i]);
    drawSigned(tiles, order.map((j) => fields[j]), source.facts.shape, floor.limit, across);
    scale = Math.max(1, Math.min(height > 1 ? 8 : 20, Math.floor(WIDE / (across * (width + 1)))));
    Object.assign(canvas, { width: scale * tiles.width, height: scale * tiles.height });
    draw();
  }

  function light(means) {
    now = means;
    for (let j = 0; j < count; j++) activity[j] = MEMORY * activity[j] + (1 - MEMORY) * means[j];
    if (canvas.offsetParent) draw();
  }

  const corner = (k) => [scale * (k % across) * (width + 1), scale * Math.floor(k / across) * (height + 1)];

  function draw() {
    const context = canvas.getContext("2d"), wide = scale * width, high = scale * height;
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, canvas.width, canvas.height);
    order.forEach((j, k) => {
      const [x, y] = corner(k);
      context.globalAlpha = DIM + (1 - DIM) * Math.max(0, now[j]);
      context.drawImage(tiles, x / scale, y / scale, width, height, x, y, wide, high);
    });
    context.lineWidth = 3;
    const most = Math.max(...(floor.flow ?? []).map(Math.abs), 1e-6);
    order.forEach((j, k) => {
      const sent = floor.flow?.[j] ?? 0, [x, y] = corner(k);
      context.globalAlpha = Math.abs(sent) / most;
      context.strokeStyle = sent > 0 ? RAISES : LOWERS;
      context.strokeRect(x + 1.5, y + 1.5, wide - 3, high - 3);
    });
    context.globalAlpha = 1;
    order.forEach((j, k) => {
      if (!held.has(j) && !detail.is(floor, j)) return;
      context.strokeStyle = held.has(j) ? "#ffb02e" : getComputedStyle(canvas).color;
      context.setLineDash(held.get(j) === 0 ? [4, 4] : []);
      const [x, y] = corner(k);
      context.strokeRect(x + 1.5, y + 1.5, wide - 3, high - 3);
    });
  }

  function pick(event) {
    const box = canvas.getBoundingClientRect(), unit = scale / (canvas.width / box.width);
    const column = Math.floor((event.clientX - box.left) / (unit * (width + 1)));
    const k = column + across * Math.floor((event.clientY - box.top) / (unit * (height + 1)));
    if (column >= across || k >= fields.length || k < 0) return;
    if (event.type === "pointermove") detail.peek(floor, order[k]);
    else {
      detail.pick(floor, order[(at = k)]);
      detail.turn();
    }
  }

  function key(event) {
    if (!fields.length) return;
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    if (!move && event.key !== "Enter") return;
    event.preventDefault();
    if (!move) detail.turn();
    else detail.pick(floor, order[(at = Math.max(0, Math.min(count - 1, at + move)))]);
  }

  function release() {
    for (const unit of held.keys()) source.hold(layer, unit, null);
    held.clear();
    draw();
  }

  load();
  return floor;
}

/** Return what is told of one unit, and holds it. */
function unitDetail(source, spoken, floors) {
  const { shape } = source.facts;
  const field = element("canvas", { role: "img" }), effect = element("canvas", { role: "img" });
  const title = element("h3"), share = element("p", { class: "share" });
  const amount = element("small"), flow = element("p", { class: "share" }), fixed = element("p", { class: "share" });
  const hold = strip(words.look.hold, Object.entries(words.look.holds), "free", (how) => set(how));
  const node = element("div", { class: "unit" }, title,
    element("div", { class: "pair" },
      element("figure", {}, field, element("figcaption", {}, words.look.field)),
      element("figure", {}, effect, element("figcaption", { title: words.look.effectAbout }, words.look.effect, element("br"), amount))),
    share, flow, hold, fixed);
  let floor = null, unit = 0, stale = 0, chosen = [];
  const name = () => say(words.look.unit, { number: unit + 1, layer: floor.layer });
  const state = () => ({ undefined: "free", 1: "on", 0: "off" })[floor.held.get(unit)];

  function set(how) {
    if (how === "free") floor.held.delete(unit);
    else floor.held.set(unit, how === "on" ? 1 : 0);
    source.hold(floor.layer, unit, floor.held.get(unit) ?? null);
    show();
  }

  /** Show a unit until the pointer leaves. */
  function peek(next, number) {
    if (next === floor && number === unit) return;
    [floor, unit] = [next, number];
    show();
  }

  function pick(next, number) {
    chosen = [next, number];
    peek(...chosen);
  }

  function show() {
    title.textContent = name();
    hold.disabled = !source.facts.layers[floor.layer - 1].hold;
    fixed.textContent = hold.disabled ? words.look.fixed[source.facts.kind === "dbn" ? "directed" : "site"] : "";
    choose(hold, state());
    drawSigned(field, [floor.fields()[unit]], shape, floor.limit);
    for (const [canvas, text] of [[field, words.look.field], [effect, words.look.effect]]) {
      canvas.setAttribute("aria-label", `${name()}: ${text}`);
    }
    stale = 0;
    light();
    spoken.say(`${name()}, ${words.look.holds[state()]}`);
    for (const other of floors()) other.draw();
  }

  /** Tell how much the unit is on, and now and then what it adds to the picture of the moment. */
  function light() {
    if (!floor) return;
    share.textContent = say(words.look.on, { percent: Math.round(100 * floor.activity[unit]) });
    if (stale-- > 0 || !node.offsetParent) return;
    stale = 8;
    source.effect(floor.layer, unit).then(({ adds, below, above }) => {
      const most = adds.reduce((found, x) => Math.max(found, Math.abs(x)), 0);
      drawSigned(effect, [adds], shape, Math.max(most, 0.01));
      for (const other of floors()) other.flow = [below, , above][other.layer - floor.layer + 1] ?? null;
      const parts = [[words.look.below, below], [words.look.above, above]].filter(([, sent]) => sent)
        .map(([text, sent]) => say(text, { nats: sent.reduce((sum, x) => sum + x, 0).toFixed(1) })).join(", ");
      flow.textContent = parts && say(words.look.flow, { parts });
      amount.textContent = say(words.look.amount, { percent: Math.round(100 * most) });
    });
  }

  return {
    node, show, light, peek, pick, back: () => peek(...chosen), is: (other, number) => other === floor && number === unit,
    turn: () => { if (!hold.disabled) set({ free: "on", on: "off", off: "free" }[state()]); },
  };
}

/** Return how alike neighbors of a field are (Moran's I without its mean): 1 of one smooth stroke, 0 of noise. */
function clearness(field, height, width) {
  let alike = 0, pairs = 0;
  for (const step of [1, width]) {
    for (let at = 0; at + step < field.length; at++) {
      if (step === 1 && at % width === width - 1) continue;
      alike += field[at] * field[at + step];
      pairs++;
    }
  }
  const square = field.reduce((sum, x) => sum + x * x, 0) || 1;
  return (alike / pairs) / (square / (height * width));
}
