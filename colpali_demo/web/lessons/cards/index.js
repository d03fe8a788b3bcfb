// The cards in their order. A new one is a file beside this one and a line in the list.
//
// A card is a record: `id`; `about`, the section of the article that says the same; `short`, what its step is called;
// `keep`, the sentence that a reader can say afterwards, for the lecturer's notes; `title(study)` and `idea(study)`,
// the words at its top; `build(body, study, kit)`, which fills its body and may return what to do when the card goes.
// `kit` has what needs the component around it, see frame.js. A card fits one screen: style.css says how.

import { cosine } from "./cosine.js";
import { costs } from "./costs.js";
import { max } from "./max.js";
import { patches } from "./patches.js";
import { rank } from "./rank.js";
import { reason } from "./reason.js";
import { square } from "./square.js";
import { sum } from "./sum.js";
import { tokens } from "./tokens.js";
import { training } from "./training.js";
import { vector } from "./vector.js";

export const CARDS = [square, patches, vector, tokens, cosine, max, sum, rank, training, costs, reason];
