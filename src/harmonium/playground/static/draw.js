// Draw and dream: the board, what the machine takes it for, its energy, and the chains beside it.

import { drawingBoard } from "./board.js";
import { columnBoard } from "./columns.js";
import { button, calm, choose, element, menu, slider, speaker, strip } from "./dom.js";
import { runningLine } from "./line.js";
import { saveArray, saveMoving, savePicture } from "./save.js";
import { drawRows, size } from "./tiles.js";
import { say, words } from "./words.js";

const TEMPERATURES = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.7, 2, 3];
const SPEEDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
const CHAINS = [1, 4, 9, 16, 25, 49, 100];
const MOMENT = 900; // milliseconds in which half a row is drawn to show how

/** Return the mode's element; it shows what the player plays. */
export function drawMode(source, player) {
  const { facts } = source, spoken = speaker();
  const painted = () => { source.paint(board); hint.hidden = true; };
  const anew = () => { if (board.tool !== "free") source.begin(); }; // or chains stay at what they dreamt before
  const board = facts.picture ? drawingBoard(facts.shape, facts.ink, painted, anew) : columnBoard(facts.columns, painted);
  const hint = element("span", { class: "hint", "aria-hidden": "true" }, words.draw.hint);
  if (facts.picture) board.node.append(hint);
  const energy = runningLine(words.energy.title, words.energy.about);
  const labels = facts.labels.length ? labelChooser(source) : null;
  const many = element("canvas", { class: "many", role: "img", hidden: true, "aria-label": words.controls.chains });
  let last = null;

  player.listen((frame) => {
    last = frame;
    board.show(frame.rows[0].slice());
    many.hidden = frame.rows.length === 1;
    if (!many.hidden) drawRows(many, frame.rows, facts.shape, facts.picture ? Math.ceil(Math.sqrt(frame.rows.length)) : 1);
    if (frame.freeEnergy !== null) energy.add(frame.freeEnergy);
    labels?.show(frame.labels);
    spoken.say([labels?.told(frame.labels), energy.told()].filter(Boolean).join(" "));
  }, () => board.node);

  const keep = menu(words.draw.keep, Object.entries(words.draw.keeps), "drawn", (what) => {
    if (what !== "drawn") board.hold(...region(what, facts, last.rows[0]));
  });
  const demo = button(words.draw.show, () => { player.start(); showHow(source, board); }, { class: "main" });
  const take = (tool) => { board.tool = tool; };
  const brush = strip(words.draw.tool, Object.entries(words.draw.tools), "ink", take, words.draw.toolTitles);
  const clear = button(words.draw.clear, () => {
    board.clear();
    choose(keep, "drawn");
    choose(brush, "ink");
    take("ink");
    source.begin();
  });
  const tools = facts.picture ? [brush, demo, clear] : [clear];
  return element("section", { class: "draw", "aria-label": words.draw.tab },
    element("div", { class: "stage" },
      element("h2", {}, facts.picture ? words.draw.lead : words.draw.leadTable),
      board.node,
      element("div", { class: "tools" }, ...tools),
      player.node,
      element("p", { class: "legend" }, facts.picture ? words.draw.legend : words.draw.legendTable)),
    element("div", { class: "beside" },
      labels?.node, energy.node, settings(source, player, board, keep, () => last), many, spoken.node));
}

/** Return what stands under "more": how chains run, what is held, and what can be saved. */
function settings(source, player, board, keep, last) {
  const { facts } = source, names = words.controls, most = facts.limits?.chains ?? 100;
  const load = button(facts.picture ? words.draw.picture : words.draw.row, async () => { board.clear(); source.begin(await source.row()); player.step(); });
  const saves = {
    png: () => savePicture(last().rows, facts.shape),
    gif: () => saveMoving(player.frames.map((frame) => frame.rows), facts.shape),
    npy: async () => saveArray(await source.states()),
  };
  return element("details", { class: "more" }, element("summary", {}, names.more),
    slider(names.temperature, TEMPERATURES, 1, (temperature) => source.set({ temperature }), { hint: names.temperatureHint }),
    slider(names.steps, SPEEDS, 1, player.set),
    slider(names.chains, CHAINS.filter((n) => n <= most), 1, (chains) => source.set({ chains })),
    menu(names.show, Object.entries(names.shows), "means", (show) => source.set({ means: show === "means" })),
    facts.picture ? keep : null,
    element("div", { class: "control", role: "group", "aria-label": names.save },
      element("span", {}, names.save), ...Object.entries(saves).map(([kind, save]) => button(names.saves[kind], save))),
    element("div", { class: "control" }, element("span", {}, words.draw.data), load));
}

/** Return which pixels a region holds, and a row's values there. */
function region(what, { shape, columns }, row) {
  const [height, width] = size(shape), crisp = columns[0].states === 2;
  const inside = {
    nothing: () => false,
    top: (i) => i < height / 2,
    bottom: (i) => i >= height / 2,
    left: (i, j) => j < width / 2,
    right: (i, j) => j >= width / 2,
    noise: () => Math.random() < 0.5,
  }[what];
  const values = Float32Array.from(row, (x) => (crisp ? Math.round(x) : x));
  return [Uint8Array.from(row, (_, at) => Number(inside(Math.floor(at / width), at % width))), values];
}

/** Draw the upper half of a row, line by line, as a hand would. */
async function showHow(source, board) {
  const { facts } = source, [mask, values] = region("top", facts, await source.row());
  const [height, width] = size(facts.shape), lines = Math.ceil(height / 2);
  const upTo = (line) => mask.map((held, i) => Number(held && i < line * width));
  for (let line = calm() ? lines : 1; line <= lines; line++) {
    setTimeout(() => board.hold(upTo(line), values), calm() ? 0 : (MOMENT * line) / lines);
  }
}

/** Return the labels with their probabilities as bars; choosing one asks the machine for it. */
function labelChooser(source) {
  const { labels } = source.facts;
  const choices = [["any", words.labels.any], ...labels.map((label, i) => [String(i), label])];
  const node = strip(words.labels.title, choices, "any", (chosen) =>
    source.set({ label: chosen === "any" ? null : Number(chosen) }));
  node.classList.add("labels");
  node.append(element("small", {}, words.labels.choose));
  const bars = [...node.querySelectorAll("span")].slice(1);
  return {
    node,
    show: (shares) => bars.forEach((bar, i) => bar.style.setProperty("--share", shares[i].toFixed(3))),
    told(shares) {
      const best = shares.indexOf(Math.max(...shares));
      return say(words.labels.told, { label: labels[best], percent: Math.round(100 * shares[best]) });
    },
  };
}
