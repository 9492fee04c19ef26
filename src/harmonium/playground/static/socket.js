// What the page and `harmonium play` say to each other: one question, one answer; and a source of frames behind it.

const TYPES = { float32: Float32Array, uint8: Uint8Array };

/** Return a function that asks the server: ask(type, fields) → the answer's head, with its arrays by name. */
export function connect(token, ended) {
  const socket = new WebSocket(`ws://${location.host}/ws`), waiting = new Map();
  let number = 0;
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    const answer = unpacked(data), { resolve, reject } = waiting.get(answer.n);
    waiting.delete(answer.n);
    if (answer.type === "error") reject(new Error(answer.text));
    else resolve(answer);
  };
  socket.onclose = () => {
    for (const { reject } of waiting.values()) reject(new Error(""));
    ended();
  };
  const open = new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.addEventListener("close", () => reject(new Error("")));
  });
  async function ask(type, fields = {}) {
    await open;
    return new Promise((resolve, reject) => {
      waiting.set(++number, { resolve, reject });
      socket.send(JSON.stringify({ type, n: number, ...fields }));
    });
  }
  return { ask, greeted: ask("hello", { token }), close: () => { socket.onclose = null; socket.close(); } };
}

function unpacked(data) {
  const length = new DataView(data).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  let at = 4 + length;
  for (const { name, dtype, shape } of head.arrays) {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = new TYPES[dtype](data, at, count);
    at = 4 * Math.ceil((at + values.byteLength) / 4);
    head[name] = { values, shape };
  }
  return head;
}

/** Return the rows of an array as fractions. */
export function fractions({ values, shape }) {
  const width = shape[1] ?? shape[0], whole = values instanceof Uint8Array ? 255 : 1;
  return Array.from({ length: values.length / width }, (_, r) =>
    Float32Array.from(values.subarray(r * width, (r + 1) * width), (x) => x / whole));
}

/** Return the rows of an array of weights, each of its own scale. */
export function weightsOf({ values, shape: [units, columns] }, scale) {
  return Array.from({ length: units }, (_, j) =>
    Float32Array.from(values.subarray(j * columns, (j + 1) * columns), (x) => ((x - 128) / 127) * scale.values[j]));
}

/** Return the source of frames behind a socket. */
export function remoteSource(ask, facts) {
  const held = new Map();
  let changes = { means: true }, means = true, steps = 1;

  async function settle() {
    const given = changes;
    changes = {};
    if (Object.keys(given).length) await ask("set", given);
  }

  const source = {
    facts,
    set(given) {
      Object.assign(changes, given);
      means = given.means ?? means;
    },
    paint({ values, mask }) { source.set({ mask: [...mask], values: [...values] }); },
    hold(layer, unit, value) {
      const key = `${layer} ${unit}`;
      if (value === null) held.delete(key);
      else held.set(key, [layer - 1, unit, value]);
      source.set({ held: [...held.values()] });
    },
    async begin(values = null) {
      await settle();
      await ask("start", values ? { from: "values", values: [...values] } : { from: "noise" });
    },
    async row() {
      if (!facts.rows) return (await source.states())[0];
      const { values } = await ask("row", { index: Math.floor(Math.random() * facts.rows) });
      return fractions(values)[0];
    },
    async advance(wanted) {
      if (wanted !== steps) source.set({ steps: (steps = wanted) });
      await settle();
      return frameOf(await ask("next"), wanted, facts.layers.length);
    },
    async states() {
      await settle();
      await ask("set", { means: false });
      const { visible } = await ask("next", { still: true });
      source.set({ means });
      return fractions(visible);
    },
    async fields(layer) {
      const found = await ask("fields", { layer: layer - 1 });
      return weightsOf(found.fields, found.scale);
    },
    async effect(layer, unit) {
      const { adds, below, above } = await ask("unit", { layer: layer - 1, unit });
      return { adds: adds.values, below: below?.values, above: above?.values };
    },
  };
  return source;
}

function frameOf(answer, steps, layers) {
  const first = (name) => answer[name]?.values[0] ?? null;
  return {
    steps,
    rows: fractions(answer.visible),
    hidden: Array.from({ length: layers }, (_, l) => fractions(answer[`hidden${l}`])[0]),
    labels: answer.label ? [...answer.label.values.subarray(0, answer.label.shape[1])] : null,
    energy: first("energy"),
    freeEnergy: first("free_energy"),
  };
}
