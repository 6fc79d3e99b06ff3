// Diffusion in the plane: points dissolve into noise, and noise gathers into two moons; a slider goes through all of it.

import { ddimStep, normals, spacedTimesteps } from "./denoiser.js";

const POINTS = 320;
const STEPS = 40;
const FAR = 3.1; // how far the picture shows, in deviations of the data
const [ACROSS, DOWN] = [17, 12]; // arrows
const LAP = 7000; // ms there and back

/** The section's canvas and its controls; `network` is that of moons-diffusion. */
export class Moons {
  constructor(network, { canvas, along, play, arrows, again, told }) {
    Object.assign(this, { network, canvas, along, play, arrows, again, told, seed: 1, playing: 0, run: 0 });
    this.timesteps = [...spacedTimesteps(network.steps, STEPS), 0];
    along.max = String(2 * STEPS);
    along.oninput = () => {
      this.pause();
      this.draw();
    };
    play.onclick = () => (this.playing ? this.pause() : this.start());
    arrows.onchange = () => this.draw();
    again.onclick = () => {
      this.seed += 1;
      this.compute();
    };
  }

  /** Work out every step of all points, a few at a time, so that the page stays alive. */
  async compute() {
    this.run += 1;
    const run = this.run;
    this.data = moons(this.network, this.seed);
    const normal = normals(this.seed, "forward");
    this.noise = this.data.map(() => [normal(), normal()]);
    const fresh = normals(this.seed, "reverse");
    let points = this.data.map(() => [fresh(), fresh()]);
    this.back = [points];
    this.fields = new Map();
    for (let k = 0; k < STEPS; k += 1) {
      points = points.map((x, i) => [...ddimStep(this.network, Float64Array.from(x), this.timesteps[k], this.timesteps[k + 1], i % 2, 1).x]);
      this.back.push(points);
      await new Promise((done) => setTimeout(done));
      if (run !== this.run) return;
    }
    for (const control of [this.along, this.play, this.again]) control.disabled = false;
    this.canvas.dataset.ready = "yes";
    this.draw();
  }

  /** Where the network sends a point from each place of a grid at this moment of the way back. */
  field(k) {
    if (!this.fields.has(k)) {
      const t = this.timesteps[k];
      const { signal, noise, classes } = this.network;
      const found = [];
      for (let row = 0; row < DOWN; row += 1) {
        for (let column = 0; column < ACROSS; column += 1) {
          const x = [FAR * ((2 * (column + 1)) / (ACROSS + 1) - 1), 0.75 * FAR * ((2 * (row + 1)) / (DOWN + 1) - 1)];
          const v = this.network.prediction(Float64Array.from(x), t, classes);
          found.push([...x, ...x.map((value, d) => signal[t] * value - noise[t] * v[d] - value)]);
        }
      }
      this.fields.set(k, found);
    }
    return this.fields.get(k);
  }

  draw() {
    if (!this.back || this.back.length <= STEPS) return;
    const place = Number(this.along.value);
    const { canvas, network } = this;
    const ratio = Math.min(devicePixelRatio, 2);
    const width = Math.round((canvas.clientWidth || 480) * ratio);
    const height = Math.round(width * 0.75);
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#191a1f";
    context.fillRect(0, 0, width, height);
    const at = ([x, y]) => [width * (0.5 + x / (2 * FAR)), height / 2 - (width * y) / (2 * FAR)];
    const reverse = place > STEPS;
    const k = reverse ? place - STEPS : STEPS - place; // of the timesteps, which fall
    const t = this.timesteps[k];
    const points = reverse
      ? this.back[k]
      : this.data.map((x, i) => x.map((value, d) => network.signal[t] * value + network.noise[t] * this.noise[i][d]));
    if (reverse && t > 0 && this.arrows.checked) this.drawField(context, at, k, ratio);
    points.forEach((point, i) => {
      context.fillStyle = i % 2 ? "#ffb054" : "#faf6ec";
      context.beginPath();
      context.arc(...at(point), 2.1 * ratio, 0, 2 * Math.PI);
      context.fill();
    });
    const left = Math.round(100 * network.signal[t] ** 2);
    this.told.textContent = `${reverse ? "reverse: the network takes the noise away" : "forward: noise is added"}, t = ${t}, ${left} % of the signal left`;
    this.along.setAttribute("aria-valuetext", this.told.textContent);
  }

  drawField(context, at, k, ratio) {
    for (const [x, y, dx, dy] of this.field(k)) {
      const length = Math.hypot(dx, dy);
      const shown = (0.2 * Math.tanh(length)) / Math.max(length, 1e-9);
      const level = Math.round(70 + 110 * Math.tanh(length));
      context.strokeStyle = context.fillStyle = `rgb(${level} ${level} ${level} / 0.75)`;
      context.lineWidth = 1.2 * ratio;
      context.beginPath();
      context.moveTo(...at([x, y]));
      const end = at([x + dx * shown, y + dy * shown]);
      context.lineTo(...end);
      context.stroke();
      context.beginPath();
      context.arc(...end, 1.8 * ratio, 0, 2 * Math.PI);
      context.fill();
    }
  }

  start() {
    const last = 2 * STEPS;
    const from = Number(this.along.value) >= last ? 0 : Number(this.along.value);
    const begun = performance.now() - (from / last) * LAP;
    const step = (now) => {
      const place = Math.min(Math.max(Math.floor(((now - begun) / LAP) * last), 0), last);
      this.along.value = String(place);
      this.draw();
      if (place >= last) this.pause();
      else this.playing = requestAnimationFrame(step);
    };
    this.play.textContent = "Pause";
    this.playing = requestAnimationFrame(step);
  }

  pause() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.play.textContent = "Play";
  }
}

/** Two moons as `data/moons.py` makes them, as the network sees them: the mean taken off, the deviation made 1. */
export function moons(network, seed) {
  const normal = normals(seed, "moons");
  return Array.from({ length: POINTS }, (_, i) => {
    const angle = (Math.PI * (Math.floor(i / 2) + 0.5)) / (POINTS / 2);
    const [x, y] = i % 2 ? [1 - Math.cos(angle), 0.5 - Math.sin(angle)] : [Math.cos(angle), Math.sin(angle)];
    return [x + 0.05 * normal(), y + 0.05 * normal()].map((value, d) => (value - network.mean[d]) / network.std[d]);
  });
}
