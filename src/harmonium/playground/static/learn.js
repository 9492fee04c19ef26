// Watch it learn: one training or two side by side, changed while they run, with what they dream and how good they are.

import { button, element, menu, slider } from "./dom.js";
import { drawLine } from "./line.js";
import { fractions, weightsOf } from "./socket.js";
import { drawRows, drawSigned, limitOf } from "./tiles.js";
import { say, words } from "./words.js";

const names = words.learn;
const SAMPLES = 36, FIELDS = 64, COLORS = ["--link", "--rival"];
const CHOICES = {
  hidden: [4, 8, 16, 32, 64, 128, 256, 500], gibbs_steps: [1, 2, 3, 5, 10, 20, 50],
  lr: [0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1], batch_size: [1, 5, 10, 20, 50, 100, 200, 500],
  l2: [0, 0.00001, 0.0001, 0.001, 0.01], sparsity: [null, 0.02, 0.05, 0.1, 0.2, 0.3],
};
const JUDGED = 10_000; // milliseconds from one judgment to the next
const PACES = [1, 2, 5, 10, 20, 50, 100, 200, null];
let evaluated = Promise.resolve(); // the server judges one at a time
const RIVALS = {
  none: null, pcd: { sampler: "pcd", gibbs_steps: 1 }, cd: { sampler: "cd", gibbs_steps: 1 },
  cd10: { sampler: "cd", gibbs_steps: 10 }, noise: { sampler: "naive-mcmc" }, still: { center: false },
};

/** Return the mode's element; `second` opens another connection, `show` plays with a model that is in training. */
export function learnMode(ask, second, facts, show) {
  if (!facts.train) return element("section", {}, element("h2", {}, names.lead), element("p", {}, names.none));
  const asked = {}, told = element("p", { class: "told", role: "status" });
  const pupils = element("div", { class: "pupils" }), curve = curves();
  let pace = null, rival = null, state = "none", watching = false, shown = new Map(), judged = 0;

  const said = (text) => { told.replaceChildren(...[text].flat()); };
  const tried = (act) => async (...given) => {
    try { await act(...given); } catch (error) { said(error.message); }
  };

  /** Change a setting: of the training that runs, and of the next one. */
  const change = (name) => tried(async (value) => {
    asked[name] = value ?? undefined;
    if (state !== "running" && state !== "paused") return;
    const which = rival && name in rival ? "a" : null;
    await ask("train.set", { which, settings: { [name]: value }, pace });
  });

  const start = tried(async () => {
    said(names.starting);
    curve.clear();
    shown = new Map();
    judged = performance.now();
    pupils.replaceChildren();
    if (state !== "none") await ask("train.stop");
    const { models } = await ask("train.start", { settings: asked, against: rival, pace });
    knobs.replaceChildren(...controls(models[0].settings, facts, change));
    said("");
    watch();
  });

  const turn = tried(async () => {
    await ask(state === "paused" ? "train.resume" : "train.pause");
    watch();
  });
  const save = tried(async () => {
    const { paths } = await ask("train.save");
    said(say(names.saved, { paths: paths.join(", ") }));
  });

  /** Judge the trainings one after the other, now and then: it takes the time of their updates. */
  async function judge() {
    const age = performance.now() - judged;
    if (age < JUDGED || !shown.size) return;
    judged = Infinity;
    for (const one of shown.values()) await one.judge();
    judged = performance.now();
  }

  /** Ask for what is new, again and again while it is looked at. */
  async function watch() {
    if (watching) return;
    watching = true;
    try {
      while (node.offsetParent) {
        const found = await ask("watch", { since: curve.last(), samples: SAMPLES, fields: FIELDS });
        take(found);
        judge();
        if (state !== "running") break;
        await new Promise(requestAnimationFrame);
      }
    } catch (error) {
      said(error.message);
    }
    watching = false;
  }

  function take(found) {
    state = found.state;
    for (const model of found.models) {
      if (!shown.has(model.which)) {
        shown.set(model.which, pupil(model.which, facts, second, show));
        pupils.append(shown.get(model.which).node);
      }
      shown.get(model.which).take(model, found);
    }
    curve.take(found.models);
    if (found.text) said(found.text);
    pauseButton.textContent = state === "paused" ? names.resume : names.pause;
    for (const one of [pauseButton, saveButton]) one.hidden = state === "none";
    pauseButton.hidden ||= state === "finished" || state === "failed";
  }

  const startButton = button(names.start, start, { class: "main" });
  const [pauseButton, saveButton] = [[names.pause, turn], [names.save, save]]
    .map(([text, act]) => button(text, act, { hidden: true }));
  const knobs = element("div", {}, ...controls({ sampler: "auto", gibbs_steps: 1, center: true, l2: 0 }, facts, change));
  const node = element("section", { class: "learn", "aria-label": names.tab },
    element("h2", {}, names.lead), element("p", {}, say(names.about, facts)),
    element("div", { class: "tools" }, startButton, pauseButton, saveButton),
    told,
    element("div", { class: "halves" },
      element("div", {}, knobs,
        menu(names.against, Object.entries(names.rivals), "none", (chosen) => { rival = RIVALS[chosen]; }),
        slider(names.pace, PACES, null, tried(async (value) => {
          pace = value;
          if (state === "running") await ask("train.set", { settings: {}, pace });
        }),
          { format: (value) => value ?? names.fast })),
      curve.node),
    pupils);
  new IntersectionObserver(([seen]) => { if (seen.isIntersecting) watch(); }).observe(node);
  return node;
}

/** Return the controls of a training, as they stand in settings; what these leave open is chosen when it begins. */
function controls(settings, facts, change) {
  const ladder = (name, label, open = names.fits) => {
    const now = name === "hidden" ? Number(settings.hidden) || null : settings[name] ?? null;
    const values = [...new Set([...CHOICES[name], now])].sort((a, b) => a - b);
    return slider(label, values, now, change(name), { format: (value) => value ?? open });
  };
  const labels = element("input", { type: "checkbox", checked: Boolean(settings.labels), id: "learn-labels",
    onchange: () => change("labels")(labels.checked) });
  return [
    menu(names.sampler, Object.entries({ ...settings.sampler === "auto" && { auto: names.fits }, ...names.samplers }),
      settings.sampler, change("sampler")),
    ladder("gibbs_steps", names.k), ladder("lr", names.lr), ladder("batch_size", names.batch),
    element("details", { class: "more" }, element("summary", {}, words.learn.more),
      ladder("hidden", names.hidden), ladder("l2", names.l2, "–"), ladder("sparsity", names.sparsity, "–"),
      menu(names.center, Object.entries(names.centers), settings.center ? "on" : "off", (chosen) => change("center")(chosen === "on")),
      facts.labeled ? element("div", { class: "control" }, element("label", { for: "learn-labels" }, names.labels), labels) : null),
  ];
}

/** Ask over another connection for what takes seconds, after what was asked before. */
function judged(second, kind, fields) {
  const act = async () => {
    const other = second();
    try {
      await other.greeted;
      return await other.ask(kind, fields);
    } finally {
      other.close();
    }
  };
  evaluated = evaluated.then(act, act);
  return evaluated;
}

/** Return one training as it is seen: how far it is, its dreams, its hidden units, and what it is worth. */
function pupil(which, facts, second, show) {
  const written = element("span", { role: "status" }), step = element("p", { class: "share" }), verdict = element("p", { class: "share" });
  const dreams = element("canvas", { role: "img", "aria-label": names.samples });
  const fields = element("canvas", { role: "img", "aria-label": names.fields });

  async function judge() {
    verdict.textContent ||= names.judging;
    try {
      const { log_likelihood: value, low, high, mixing, ...found } = await judged(second, "judge", { which });
      found.mixing = mixing.replace("`--sampler pt`", names.samplers.pt);
      const bracket = low === null ? "" : say(names.bracket, { low: low.toFixed(1), high: high.toFixed(1) });
      verdict.textContent = say(names.verdict, { value: value?.toFixed(1) ?? "–", bracket, ...found });
    } catch (error) {
      verdict.textContent = error.message;
    }
  }

  async function report() {
    written.replaceChildren(names.reporting);
    try {
      const { url } = await judged(second, "train.report", { which });
      written.replaceChildren(element("a", { href: url, target: "_blank" }, names.reported));
    } catch (error) {
      written.replaceChildren(error.message);
    }
  }

  const node = element("article", { class: `pupil ${which}`, "aria-label": names.name[which] },
    element("h3", {}, names.name[which]), step,
    element("div", { class: "pair" },
      element("figure", {}, dreams, element("figcaption", {}, names.samples)),
      element("figure", {}, fields, element("figcaption", {}, names.fields))),
    verdict,
    element("div", { class: "tools" },
      button(names.draw, () => show(which)), button(names.report, report), written));
  return {
    node, judge,
    take(model, found) {
      step.textContent = [names.states[found.state], say(names.step, model)].join(", ")
        + (found.state === "running" ? say(names.rate, { rate: Math.round(found.rate) }) : "");
      const rows = fractions(found[`samples_${which}`]);
      drawRows(dreams, rows, facts.shape, Math.ceil(Math.sqrt(rows.length)));
      const seen = weightsOf(found[`fields_${which}`], found[`scale_${which}`]);
      drawSigned(fields, seen, facts.shape, limitOf(seen), Math.ceil(Math.sqrt(seen.length)));
    },
  };
}

/** Return the curves of all trainings, one figure an epoch. */
function curves() {
  const canvas = element("canvas", { height: 160, role: "img", "aria-label": names.curve });
  const value = element("output");
  const node = element("figure", { class: "line tall" },
    element("figcaption", {}, element("strong", {}, names.curve), " ", value, " ", element("small", {}, names.curveAbout)), canvas);
  const kept = new Map();
  let last = 0;
  return {
    node,
    last: () => last,
    clear() { kept.clear(); last = 0; },
    take(models) {
      for (const { which, history } of models) {
        const values = kept.get(which) ?? [];
        values.push(...history.map((epoch) => epoch.pseudo_likelihood));
        kept.set(which, values);
      }
      last = Math.min(...[...kept.values()].map((values) => values.length));
      const { width } = canvas.getBoundingClientRect(), style = getComputedStyle(canvas);
      if (width) canvas.width = width;
      const lines = [...kept.values()].map((values, i) => ({ values, color: style.getPropertyValue(COLORS[i]) }));
      drawLine(canvas, lines, Math.max(2, ...lines.map((line) => line.values.length)));
      value.textContent = [...kept.values()].map((values) => values.findLast(Number.isFinite)?.toFixed(2) ?? "–").join(" · ");
    },
  };
}
