// What the model in use is, and what it is not, for people who do not know ColPali.

const METHOD =
  "ColPali is a way to search: a page has a vector for every patch, a query one for every token, and each token is " +
  "matched with the vector most similar to it. ";
const TINY = {
  text: "a small stand-in for ColPali",
  sentence:
    `${METHOD}Here it is run by colpali-tiny, a model of 12.6 million parameters trained for this demo. The ` +
    "published ColPali checkpoints have about three billion, read pictures and many languages, and need a GPU. What " +
    "you see is how such a model decides, not how well the best of them do.",
};

/** [text, sentence] about a model: those of the server, after what is to be said of the bundled one. */
export function speakerOf({ state, name, text, sentence }) {
  if (state !== "ready" || name !== "colpali-tiny" || !text.startsWith("ready")) return [text || "", sentence || ""];
  return [TINY.text, `${TINY.sentence} ${sentence}`];
}
