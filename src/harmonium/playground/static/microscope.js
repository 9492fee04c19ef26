// The step microscope: one update of a machine so small that its exact gradient stands beside it.

import { button, element, menu, slider } from "./dom.js";
import { drawLine } from "./line.js";
import { drawRows, drawSigned, rowsOf } from "./tiles.js";
import { say, words } from "./words.js";

const SIDE = 3, HIDDEN = 4, SHAPE = [SIDE, SIDE], SHOWN = 5;
const MANY = 100; // updates between two pictures
const RATES = [0.01, 0.03, 0.1, 0.3, 1], STEPS = [1, 2, 3, 5, 10, 20], ROWS = [1, 2, 5, 14];
const names = words.microscope, COLORS = { cd: "--link", pcd: "--rival", "naive-mcmc": "--soft" };

/** Return the mode's element. */
export function microscopeMode(ask) {
  const settings = { algorithm: "cd", k: 1, lr: 0.03, batch: 14, restart: false, seed: 1 };
  const stages = names.stages.map((stage) => stageOf(...stage));
  const line = likelihoods();
  const told = element("p", { class: "told", role: "status" });
  const next = button(names.next, forward, { class: "main" });
  const many = button(names.many, run);
  let shown = stages.length, running = false;

  async function forward() {
    if (shown < stages.length) shown++;
    else await update();
    reveal();
  }

  async function update(updates = 1) {
    const found = await ask("microscope", { ...settings, updates });
    settings.restart = false;
    stages.forEach((stage, i) => stage.draw(DRAW[i], found));
    line.add(settings.algorithm, found.log_likelihood_after);
    shown = 1;
    told.textContent = say(names.told, {
      update: found.update, cosine: found.cosine.toFixed(2), before: found.log_likelihood.toFixed(3),
      after: found.log_likelihood_after.toFixed(3), best: found.best.toFixed(3),
    });
  }

  function reveal() {
    stages.forEach((stage, i) => stage.node.classList.toggle("veiled", i >= shown));
    told.hidden = shown < stages.length;
    next.textContent = shown < stages.length ? names.next : names.again;
  }

  async function run() {
    running = !running;
    many.textContent = running ? words.play.pause : names.many;
    while (running && node.offsetParent) {
      await update(MANY);
      shown = stages.length;
      reveal();
      await new Promise((resolve) => { setTimeout(resolve, 60); });
    }
    running = false;
    many.textContent = names.many;
  }

  async function anew() {
    settings.seed++;
    Object.keys(names.algorithms).forEach(line.clear);
    await restart();
  }

  async function restart() {
    settings.restart = true;
    line.clear(settings.algorithm);
    chain.tell(names.chains[settings.algorithm]);
    await update();
    reveal();
  }

  const chain = stages[names.stages.findIndex(([symbol]) => symbol === "vₖ")];
  const change = (name) => (value) => { settings[name] = value; };
  const node = element("section", { class: "microscope", "aria-label": names.tab },
    element("h2", {}, names.lead), element("p", {}, names.about),
    element("div", { class: "tools" }, next, many, button(names.restart, anew)),
    element("div", { class: "stages" }, ...stages.map((stage) => stage.node)),
    told,
    element("div", { class: "halves" },
      element("div", {},
        menu(names.algorithm, Object.entries(names.algorithms), "cd", (chosen) => { settings.algorithm = chosen; restart(); }),
        slider(names.k, STEPS, 1, change("k")),
        slider(names.batch, ROWS, 14, change("batch")),
        slider(names.lr, RATES, 0.03, change("lr"))),
      line.node));
  new IntersectionObserver(([seen], observer) => {
    if (!seen.isIntersecting) return;
    observer.disconnect();
    restart();
  }).observe(node);
  return node;
}

/** Return the exact log-likelihood update by update, a line for each way that chains begin: {node, add, clear}. */
function likelihoods() {
  const canvas = element("canvas", { height: 160, role: "img", "aria-label": names.likelihood }), kept = new Map();
  const value = element("output");
  const node = element("figure", { class: "line tall" },
    element("figcaption", {}, element("strong", {}, names.likelihood), " ", value, " ",
      element("small", {}, names.likelihoodAbout)), canvas);
  return {
    node,
    clear(algorithm) { kept.delete(algorithm); },
    add(algorithm, next) {
      if (!kept.has(algorithm)) kept.set(algorithm, []);
      kept.get(algorithm).push(next);
      canvas.width = canvas.getBoundingClientRect().width || canvas.width;
      const style = getComputedStyle(canvas), lines = [...kept].map(([name, values]) =>
        ({ values, color: style.getPropertyValue(COLORS[name]) }));
      drawLine(canvas, lines, Math.max(2, ...lines.map(({ values }) => values.length)));
      value.replaceChildren(...[...kept].flatMap(([name, values]) => {
        const told = element("span", {}, `${names.short[name]} ${values.at(-1).toFixed(2)}`);
        told.style.color = `var(${COLORS[name]})`;
        return [told, " "];
      }));
    },
  };
}

/** Return one stage: its name, its picture, and the sentence that says what has happened. */
function stageOf(symbol, about) {
  const canvas = element("canvas", { role: "img" }), caption = element("figcaption");
  function tell(text) {
    canvas.setAttribute("aria-label", `${symbol}: ${text}`);
    caption.textContent = text;
  }
  tell(about);
  return {
    node: element("figure", { class: "stage-of" }, element("strong", {}, symbol), canvas, caption),
    tell,
    draw: (way, found) => way(canvas, found),
  };
}

const last = ({ values, shape: [steps, rows, width] }) => values.subarray((steps - 1) * rows * width);
const few = (values, width) => rowsOf(values, width).slice(0, SHOWN);
const visible = (canvas, values) => drawRows(canvas, few(values, SIDE * SIDE), SHAPE, SHOWN);
const hidden = (canvas, values) => drawRows(canvas, few(values, HIDDEN), [2, 2], SHOWN);
/** Return the parts of a matrix of products that belong to each hidden unit, as tiles of the visible row. */
const byUnit = ({ values }) => Array.from({ length: HIDDEN }, (_, j) =>
  Float32Array.from({ length: SIDE * SIDE }, (_, i) => values[i * HIDDEN + j]));

function products(name) {
  return (canvas, found) => {
    const limit = name === "positive" || name === "negative" ? 1 : largest(found.difference, found.exact);
    drawSigned(canvas, byUnit(found[name]), SHAPE, limit, HIDDEN);
  };
}

const largest = (...arrays) => Math.max(0.01, ...arrays.flatMap(({ values }) => Array.from(values, Math.abs)));

const DRAW = [
  (canvas, found) => visible(canvas, found.v0.values),
  (canvas, found) => hidden(canvas, found.h0.values),
  (canvas, found) => visible(canvas, last(found.chain_v)),
  (canvas, found) => hidden(canvas, found.h1.values),
  products("positive"), products("negative"), products("difference"), products("exact"),
];
