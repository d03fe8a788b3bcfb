// Who speaks: what the model in use is, and what it is not, for people who have never heard of either.

const METHOD =
  "ColPali is a way to search: one vector for every patch of a page and every token of a query, matched late. ";
const TINY = {
  text: "a small stand-in for ColPali",
  sentence:
    `${METHOD}Here it is carried out by colpali-tiny, a reader of 12.6 million parameters trained for this demo. The ` +
    "published ColPali checkpoints have about three billion, know pictures and many languages, and need a GPU; what " +
    "you see is how such a model decides, not how well the best of them do.",
};

/** [text, sentence] about a model: those of the server, after what is to be said of the bundled one. */
export function speakerOf({ state, name, text, sentence }) {
  if (state !== "ready" || name !== "colpali-tiny" || !text.startsWith("ready")) return [text || "", sentence || ""];
  return [TINY.text, `${TINY.sentence} ${sentence}`];
}
