// What draws letters: a diffusion network in this browser, or a larger one on this computer, which the server asks.
//
// A writer is { name, title, names, draw(characters, drawings, settings, shown, going) }: `names` are the characters that it knows, `drawings`
// names the noise that each letter begins with; `shown(frames, share)` is called with all letters after every step, `share` of the
// signal, and `going()` says whether somebody still waits for it.

import { bytesOf } from "./assets.js";
import { ddimStep, normals, spacedTimesteps, unscaled } from "./denoiser.js";

const STEPS = 50; // of the writer in this browser; the server chooses its own
const PIXELS = 784;

/** The latent model, in this browser: codes out of noise, a step for all letters at a time. */
export function latentWriter(network, coder, title) {
  return {
    name: "latent",
    title,
    moments: STEPS,
    names: network.names,
    async draw(characters, drawings, { seed, guidance }, shown, going) {
      const labels = characters.map((character) => network.names.indexOf(character));
      let codes = drawings.map((name) => Float64Array.from({ length: network.d }, normals(seed, name)));
      const timesteps = [...spacedTimesteps(network.steps, STEPS), 0];
      for (let k = 0; k < timesteps.length; k += 1) {
        shown(codes.map((code) => coder.decode(unscaled(network, code))), network.signal[timesteps[k]]);
        if (k + 1 < timesteps.length) {
          codes = codes.map((code, i) => ddimStep(network, code, timesteps[k], timesteps[k + 1], labels[i], guidance).x);
        }
        await new Promise((done) => setTimeout(done)); // let it be shown
        if (!going()) return;
      }
    },
  };
}

/** This page's name: the server writes one sentence for a page, and a newer one ends the older. */
const PAGE = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The U-Net on this computer: the server sends every step as it comes. `waiting()` is called before the first. */
export function servedWriter({ name, title, api, names, moments }, waiting) {
  let leave = null; // leaves the answer to the writing before
  return {
    name,
    title,
    moments,
    names,
    stop: () => leave?.abort(),
    async draw(characters, drawings, { seed, guidance }, shown, going) {
      const query = new URLSearchParams({ characters: characters.join(""), names: drawings.join(","), seed, guidance });
      leave?.abort();
      leave = new AbortController();
      const { signal } = leave;
      waiting();
      const answer = await fetch(`${api}?${query}`, { headers: { "X-Byhand": PAGE }, signal });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      for await (const line of linesOf(answer.body)) {
        if (!going()) return;
        const { share, frames, error } = JSON.parse(line);
        if (error) throw new Error(error);
        const bytes = bytesOf(frames);
        shown(characters.map((_, i) => Float32Array.from(bytes.subarray(PIXELS * i, PIXELS * (i + 1)), (byte) => byte / 255)), share);
      }
    },
  };
}

/** The lines of a stream as they come; to stop asking ends it. An error where the last one is not whole. */
async function* linesOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      yield* lines;
    }
  } finally {
    await reader.cancel();
  }
  if (rest) throw new Error("The server's answer broke off: press Write again.");
}
