// The source of frames without a server: chains of the machine in this page.

import { machineOf, uniforms } from "./engine.js";

const BUDGET = 25; // milliseconds that one frame may take

/** Return what a page draws from: settings in, frames out; `held` is what `harmonium export` wrote. */
export function localSource({ facts, machine: written }) {
  const machine = machineOf(written, uniforms(crypto.getRandomValues(new Uint32Array(1))[0]));
  const sizes = machine.layers.map((layer) => layer.bias.length), count = sizes[0] - facts.labels.length;
  const row = columnsOf(machine.layers[0].parts[0], count);
  const settings = { temperature: 1, chains: 1, label: null, means: true };
  const held = sizes.map(() => new Map());
  let pixels = null, chains = [], clamped = [];

  function clamp() {
    clamped = sizes.map((width) => new Uint8Array(width));
    pixels?.mask.forEach((on, i) => { if (on) clamped[0].fill(1, row.at(i), row.at(i + 1)); });
    if (settings.label !== null) clamped[0].fill(1, count);
    held.forEach((units, l) => { for (const unit of units.keys()) clamped[l][unit] = 1; });
    for (const { x } of chains) {
      pixels?.mask.forEach((on, i) => { if (on) row.write(x[0], i, pixels.values[i]); });
      if (settings.label !== null) x[0].fill(0, count)[count + settings.label] = 1;
      held.forEach((units, l) => {
        for (const [unit, value] of units) x[l][unit] = value || lowest(machine.layers[l]);
      });
    }
  }

  const source = {
    facts,
    set(changes) {
      Object.assign(settings, changes);
      while (chains.length < settings.chains) chains.push(machine.start());
      chains.length = settings.chains;
      clamp();
    },
    paint({ values, mask }) {
      pixels = { values: values.slice(), mask: mask.slice() };
      clamp();
    },
    hold(layer, unit, value) {
      if (value === null) held[layer].delete(unit);
      else held[layer].set(unit, value);
      clamp();
    },
    async begin(values = null) {
      chains = chains.map(() => machine.start());
      if (values) for (const { x } of chains) values.forEach((value, i) => row.write(x[0], i, value));
      clamp();
    },
    async row() {
      return facts.starts[Math.floor(Math.random() * facts.starts.length)] ?? (await source.states())[0];
    },
    async advance(steps) {
      const end = performance.now() + BUDGET;
      let taken = 0;
      do for (const chain of chains) machine.step(chain, clamped, settings.temperature);
      while (++taken < steps && performance.now() < end);
      return frame(taken);
    },
    states: async () => chains.map(({ x }) => row.read(x[0])),
    fields: async (layer) => receptiveFields(machine, sizes, layer).map(row.fold),
    effect: async (layer, unit) => ({
      adds: row.fold(effectOf(machine, chains[0].x, layer, unit)), ...flowOf(machine, chains[0].mean, layer, unit),
    }),
  };

  function frame(steps) {
    const [{ x, mean }] = chains;
    return {
      steps,
      rows: chains.map((chain) => row.read((settings.means ? chain.mean : chain.x)[0])),
      hidden: mean.slice(1).map((means, l) => shares(means, lowest(machine.layers[l + 1]))),
      labels: facts.labels.length ? machine.labelProbabilities(x) : null,
      energy: machine.energy(x),
      freeEnergy: machine.freeEnergy(x),
    };
  }

  source.set({});
  if (facts.starts.length) source.begin(facts.starts[0]);
  return source;
}

const lowest = (layer) => (layer.parts[0].kind === "spin" ? -1 : 0);
const shares = (values, low) => values.map((x) => (x - low) / (1 - low));

/** Return how the columns of a row, fractions from 0 to 1, lie in the units: one unit each, or one site of states;
 *  `fold` takes what each unit has to what each column has, along the mean state. */
function columnsOf({ kind, states }, count) {
  const low = kind === "spin" ? -1 : 0;
  if (kind !== "potts") {
    return {
      at: (i) => i,
      read: (x) => shares(x.subarray(0, count), low),
      write(x, i, value) { x[i] = low + (1 - low) * value; },
      fold: (weights) => weights.slice(0, count),
    };
  }
  const site = (x, i) => x.subarray(i * states, (i + 1) * states);
  return {
    at: (i) => i * states,
    read: (x) => Float32Array.from({ length: count / states }, (_, i) =>
      site(x, i).indexOf(Math.max(...site(x, i))) / (states - 1)),
    write(x, i, value) { site(x, i).fill(0)[Math.round(value * (states - 1))] = 1; },
    fold: (weights) => Float32Array.from({ length: count / states }, (_, i) =>
      site(weights, i).reduce((sum, w, k) => sum + w * ((2 * k) / (states - 1) - 1), 0)),
  };
}

/** Return what each unit of a layer wants of the visible row: its weights, by way of those below it. */
function receptiveFields(machine, sizes, layer) {
  const rows = (weight, width) => Array.from({ length: weight.length / width }, (_, j) =>
    weight.subarray(j * width, (j + 1) * width));
  let seen = rows(machine.down[0], sizes[0]);
  for (let l = 2; l <= layer; l++) {
    const below = seen;
    seen = rows(machine.down[l - 1], sizes[l - 1]).map((weight) => {
      const sum = new Float32Array(sizes[0]);
      weight.forEach((w, j) => below[j].forEach((x, i) => { sum[i] += w * x; }));
      return sum;
    });
  }
  return seen;
}

/** Return what every unit of the hidden layers below and above sends to one, in nats. */
function flowOf({ up, down }, mean, layer, unit) {
  const sent = (weights, from) => from && weights.subarray(unit * from.length, (unit + 1) * from.length).map((w, i) => w * from[i]);
  return { below: layer > 1 ? sent(down[layer - 1], mean[layer - 1]) : null, above: sent(up[layer], mean[layer + 1]) };
}

/** Return the means of the visible row with a unit on, less those with it off, all else as it is. */
function effectOf(machine, x, layer, unit) {
  const [on, off] = [1, lowest(machine.layers[layer])].map((value) => {
    const state = { x: x.map((row) => row.slice()), mean: x.map((row) => row.slice()) };
    state.x[layer][unit] = value;
    for (let l = layer - 1; l >= 0; l--) {
      machine.pass(state, l);
      state.x[l].set(state.mean[l]);
    }
    return state.mean[0];
  });
  return on.map((p, i) => p - off[i]);
}
