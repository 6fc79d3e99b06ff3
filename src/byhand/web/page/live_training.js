// What is known of a training that goes on, and when to draw it: once for all messages of a frame, and not in a hidden tab.

import { grow } from "./bounded_curve.js";

export class LiveTraining {
  /** `draw` is called with what is new since the last drawing. */
  constructor(draw) {
    Object.assign(this, { draw, fresh: {}, frame: 0 });
    this.begin([], []);
  }

  /** Another training, or the same from its beginning: with these curves, [step, ...] each. */
  begin(costs, validated, state = "none") {
    Object.assign(this, { moment: { state }, costs, validated });
  }

  /** Take in what is told of a moment: the last of each part is kept, a part that is null is as it was. */
  take(moment) {
    for (const [name, value] of Object.entries(moment)) if (value !== null || name === "pace") this.moment[name] = value;
    for (const curve of ["costs", "validated"]) for (const point of moment[curve] ?? []) grow(this[curve], point);
    this.fresh = { ...this.fresh, ...moment };
    this.schedule();
  }

  /** Draw everything anew: the window, the theme or what is unfolded has changed. */
  drawAnew() {
    this.fresh = { ...this.moment, ...this.fresh };
    this.schedule();
  }

  schedule() {
    this.frame ||= requestAnimationFrame(() => {
      const { fresh } = this;
      Object.assign(this, { frame: 0, fresh: {} });
      this.draw(fresh);
    });
  }
}
