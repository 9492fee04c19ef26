// A machine in plain JavaScript: layers of Bernoulli, spin and one-hot units, each joined to the next by weights.
// The density is proportional to exp(−energy / temperature); even layers talk to odd ones alone.

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));

/** Return a stream of uniform numbers in [0, 1) from a seed (sfc32: Chris Doty-Humphrey, PractRand, 2010). */
export function uniforms(seed) {
  let a = 0, b = seed | 0, c = 0x9e3779b9, d = 1;
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}

// Each kind draws the units from start to end given their fields, keeps their means, and sums log Σ exp(field·x).
const KINDS = {
  bernoulli: {
    draw(field, x, mean, start, end, random) {
      for (let i = start; i < end; i++) {
        mean[i] = sigmoid(field[i]);
        x[i] = random() < mean[i] ? 1 : 0;
      }
    },
    cgf: (field, start, end) => total(start, end, (i) => softplus(field[i])),
  },
  spin: {
    draw(field, x, mean, start, end, random) {
      for (let i = start; i < end; i++) {
        const p = sigmoid(2 * field[i]);
        mean[i] = 2 * p - 1;
        x[i] = random() < p ? 1 : -1;
      }
    },
    cgf: (field, start, end) => total(start, end, (i) => softplus(2 * field[i]) - field[i]),
  },
  potts: {
    draw(field, x, mean, start, end, random, states) {
      for (let site = start; site < end; site += states) {
        mean.set(softmax(field.subarray(site, site + states)), site);
        let left = random(), chosen = 0;
        while (chosen < states - 1 && (left -= mean[site + chosen]) >= 0) chosen++;
        for (let i = 0; i < states; i++) x[site + i] = i === chosen ? 1 : 0;
      }
    },
    cgf(field, start, end, states) {
      let sum = 0;
      for (let site = start; site < end; site += states) sum += logSumExp(field.subarray(site, site + states));
      return sum;
    },
  },
};

function total(start, end, term) {
  let sum = 0;
  for (let i = start; i < end; i++) sum += term(i);
  return sum;
}

export function logSumExp(values) {
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return most + Math.log(values.reduce((sum, x) => sum + Math.exp(x - most), 0));
}

export function softmax(values) {
  const log = logSumExp(values);
  return Array.from(values, (x) => Math.exp(x - log));
}

function transposed(weight, rows, columns) {
  const out = new Float32Array(weight.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = weight[i * columns + j];
  return out;
}

/** Add xᵀW to the field; W has one row after another, and a unit that is 0 costs nothing. */
function addProduct(field, x, weight) {
  const width = field.length;
  for (let i = 0; i < x.length; i++) {
    const value = x[i], at = i * width;
    if (value === 1) for (let j = 0; j < width; j++) field[j] += weight[at + j];
    else if (value !== 0) for (let j = 0; j < width; j++) field[j] += value * weight[at + j];
  }
}

/** layers: [{bias, parts: [{kind, width, states}]}]; weights[l], (layer l, layer l + 1), row after row. */
export class Machine {
  constructor(layers, weights, random = uniforms(0)) {
    this.layers = layers;
    this.up = weights;
    this.down = weights.map((weight, l) => transposed(weight, layers[l].bias.length, layers[l + 1].bias.length));
    this.fields = layers.map((layer) => new Float32Array(layer.bias.length));
    this.random = random;
  }

  /** Return a state of units that know nothing of each other: {x, mean}, an array a layer. */
  start() {
    const empty = () => this.layers.map((layer) => new Float32Array(layer.bias.length));
    const state = { x: empty(), mean: empty() };
    for (let l = 0; l < this.layers.length; l += 2) this.#draw(state, l, this.layers[l].bias, null);
    return state;
  }

  /** Take one Gibbs step in place: the odd layers given the even ones, then these; where clamped is set, x stays. */
  step(state, clamped = [], temperature = 1) {
    for (const first of [1, 0]) {
      for (let l = first; l < this.layers.length; l += 2) this.pass(state, l, clamped[l], temperature);
    }
  }

  /** Draw one layer given those beside it, in place. */
  pass(state, l, clamped, temperature = 1) {
    const field = this.field(state.x, l);
    if (temperature !== 1) for (let i = 0; i < field.length; i++) field[i] /= temperature;
    this.#draw(state, l, field, clamped);
  }

  /** Return bias + what the layers beside it send to a layer; the array is used again at the next call. */
  field(x, l) {
    const field = this.fields[l];
    field.set(this.layers[l].bias);
    if (l > 0) addProduct(field, x[l - 1], this.up[l - 1]);
    if (l + 1 < this.layers.length) addProduct(field, x[l + 1], this.down[l]);
    return field;
  }

  /** Return the free energy of the even layers, in nats: their own energy, the odd layers summed out. */
  freeEnergy(x) {
    let found = 0;
    this.layers.forEach((layer, l) => {
      if (l % 2) found -= this.cgf(l, this.field(x, l));
      else for (let i = 0; i < x[l].length; i++) found -= layer.bias[i] * x[l][i];
    });
    return found;
  }

  /** Return the energy of all layers, in nats. */
  energy(x) {
    let found = 0;
    this.layers.forEach((layer, l) => {
      const field = l % 2 ? this.field(x, l) : layer.bias;
      for (let i = 0; i < x[l].length; i++) found -= field[i] * x[l][i];
    });
    return found;
  }

  /** Return p(label | the other visible units) of each of the last part's states; of a deep machine, given h too. */
  labelProbabilities(x) {
    const { bias, parts } = this.layers[0], count = parts.at(-1).states, first = bias.length - count;
    if (this.layers.length > 2) return softmax(this.field(x, 0).subarray(first));
    const v = x[0].slice().fill(0, first), blank = this.field([v, x[1]], 1).slice(), width = blank.length;
    const scores = Array.from({ length: count }, (_, c) => {
      const row = this.up[0].subarray((first + c) * width, (first + c + 1) * width);
      return bias[first + c] + this.cgf(1, blank.map((value, j) => value + row[j]));
    });
    return softmax(scores);
  }

  cgf(l, field) {
    let sum = 0, start = 0;
    for (const { kind, width, states } of this.layers[l].parts) {
      sum += KINDS[kind].cgf(field, start, start + width, states);
      start += width;
    }
    return sum;
  }

  #draw({ x, mean }, l, field, clamped) {
    const kept = clamped && x[l].slice();
    let start = 0;
    for (const { kind, width, states } of this.layers[l].parts) {
      KINDS[kind].draw(field, x[l], mean[l], start, start + width, this.random, states);
      start += width;
    }
    if (kept) for (let i = 0; i < kept.length; i++) if (clamped[i]) x[l][i] = mean[l][i] = kept[i];
  }
}

/** Return the numbers of little-endian half precision in base64. */
export function halves(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)), codes = new Uint16Array(bytes.buffer);
  return Float32Array.from(codes, (code) => {
    const sign = code >> 15 ? -1 : 1, exponent = (code >> 10) & 31, fraction = code & 1023;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  });
}

/** Return the machine of what `harmonium export` wrote. */
export function machineOf({ layers, weights }, random) {
  const rows = layers.map(({ bias, parts }) => ({ bias: Float32Array.from(bias), parts }));
  return new Machine(rows, weights.map(halves), random);
}
