// Holds manifests against what types cannot say: patterns, lengths, ranges. Reads a JSON array of {module, kind,
// manifest}, writes a JSON array with what is wrong with each, or null.
import { readFileSync } from "node:fs";

const manifests = JSON.parse(readFileSync(0, "utf8"));

async function complaint({ module, kind, manifest }) {
  const { [kind]: Model } = await import(module);
  try {
    new Model(manifest).validate();
    return null;
  } catch (error) {
    return error.message;
  }
}

console.log(JSON.stringify(await Promise.all(manifests.map(complaint))));
