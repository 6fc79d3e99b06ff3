// The plane of a code of two numbers, drawn as what the decoder makes of every place, and a point that is moved over it.

const CELLS = 19; // pictures a side
const SIDE = 28;
const STEP = 1 / 40; // of the map's side: one arrow key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 2.4; // standard deviations at the edge: nearly all codes of real digits lie within

/** The code at a place of the map, both from 0 to 1, from the upper left. */
export function codeAt([x, y]) {
  return [(2 * x - 1) * FAR, (1 - 2 * y) * FAR];
}

/** The place of a code, kept inside the map. */
export function placeOf([first, second]) {
  const inside = (value) => Math.min(Math.max(value, 0), 1);
  return [inside((first / FAR + 1) / 2), inside((1 - second / FAR) / 2)];
}

/** Wires the map: `moved(code)` is called with the code of every new place. */
export class Plane {
  constructor(canvas, mark, coder, moved) {
    Object.assign(this, { canvas, mark, moved, place: [0.5, 0.5] });
    canvas.width = canvas.height = CELLS * SIDE;
    this.paint(coder);
    const follow = (event) => {
      const box = canvas.getBoundingClientRect();
      this.go([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
    };
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      follow(event);
    };
    canvas.onpointermove = (event) => canvas.hasPointerCapture(event.pointerId) && follow(event);
    canvas.onkeydown = (event) => {
      const by = ARROWS[event.key];
      if (!by) return;
      event.preventDefault();
      const step = event.shiftKey ? 4 * STEP : STEP;
      this.go(this.place.map((value, i) => value + by[i] * step));
    };
  }

  paint(coder) {
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(SIDE, SIDE);
    for (let row = 0; row < CELLS; row += 1) {
      for (let column = 0; column < CELLS; column += 1) {
        const pixels = coder.decode(codeAt([(column + 0.5) / CELLS, (row + 0.5) / CELLS]));
        for (let i = 0; i < SIDE * SIDE; i += 1) {
          const light = pixels[i];
          image.data.set([25 + 130 * light, 26 + 129 * light, 31 + 124 * light, 255], 4 * i);
        }
        context.putImageData(image, column * SIDE, row * SIDE);
      }
    }
  }

  /** To a place, from 0 to 1 each way; beyond the edges it stays at them. */
  go(place) {
    this.place = place.map((value) => Math.min(Math.max(value, 0), 1));
    this.mark.style.left = `${100 * this.place[0]}%`;
    this.mark.style.top = `${100 * this.place[1]}%`;
    this.moved(codeAt(this.place));
  }
}
