// The pixels of one patch.

import { spanOf } from "../shared/cells.js";

/** Draw the pixels of a patch on a canvas of that size. Returns the size, [width, height]. */
export function patchPixels(study, canvas, row, col) {
  const image = study.picture || study.original;
  const { down, across } = spanOf(study.page.grid);
  const [wide, high] = [image.naturalWidth / across, image.naturalHeight / down];
  const [left, top] = [Math.round(col * wide), Math.round(row * high)];
  const [width, height] = [Math.max(1, Math.round(wide)), Math.max(1, Math.round(high))];
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").drawImage(image, left, top, width, height, 0, 0, width, height);
  return [width, height];
}
