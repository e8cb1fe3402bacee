// Seeded damage to a Cookie line: the same arguments give the same mutations on every machine.

// What cookie parsers, percent-decoders and base64 readers each treat apart.
const PIECES = [
  ...'"%;,= \t.+/_-', '\u00a0', '\u00e9', ...'0123456789abcdefABCDEF', '%3D', '%2E', '; ', '__Secure-',
];

/** `count` different lines, each one to three edits at some of `positions` away from `line`. */
export function mutations(line, positions, count, seed) {
  const random = mulberry32(seed);
  const below = (limit) => Math.floor(random() * limit);
  const edits = [insert, erase, replace, swap];
  const found = new Set();
  while (found.size < count) {
    let mutant = line;
    for (let left = 1 + below(3); left > 0; left -= 1) {
      mutant = edits[below(edits.length)](mutant, positions[below(positions.length)], PIECES[below(PIECES.length)]);
    }
    if (mutant !== line) found.add(mutant);
  }
  return [...found];
}

const insert = (text, at, piece) => text.slice(0, at) + piece + text.slice(at);
const erase = (text, at) => text.slice(0, at) + text.slice(at + 1);
const replace = (text, at, piece) => text.slice(0, at) + piece + text.slice(at + 1);
const swap = (text, at) => text.slice(0, at) + text.slice(at, at + 2).split('').reverse().join('') + text.slice(at + 2);

// https://gist.github.com/tommyettinger/46a874533244883189143505d203312c, public domain
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
