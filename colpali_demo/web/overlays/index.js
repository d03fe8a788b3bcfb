// The overlays of the lens, in the order of the toolbar. A new one is a file beside this one and a line in the list.
//
// An overlay is a record:
//   id       its name in links: overlay=ID
//   title    what its button says; `hint` is what the button's tooltip says
//   layers   (scene) => what is painted, a list of layers, see layers.js; the scale and its histogram show them, too
//   paint    (surface, layers) => nothing: paints one page with them, whose values are in each layer; see surface.js
//   caption  (view, names) => [title, text] above the page; `names` has the words for the tokens and the grid
//   legend   (view, names) => sentences under the scale; `names` has the words for the numbers there
// and, where it needs them,
//   whole    the id of the overlay that takes its place while the whole query is on show
//   unboxed  true where winners have no boxes
//   ink      (layer) => what writes the color of a value into a pixel, where it is not the color map's; see palette.js
//   numbered true where all winners have the numbers of their chips, and lines to them
//
// `hint` is there because buttons have tooltips, `whole` because one map shows one token, `ink` because the legend
// shows what is painted, `unboxed` and `numbered` because boxes and lines belong to no canvas: the stage draws them, so
// that they stay sharp and can be pointed at.

import { contribution } from "./contribution.js";
import { regions } from "./regions.js";
import { similarity } from "./similarity.js";
import { spotlight } from "./spotlight.js";
import { winners } from "./winners.js";

export const OVERLAYS = [similarity, contribution, winners, spotlight, regions];
