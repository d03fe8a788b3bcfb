// Card 4: what a query is made of, with and without augmentation.

import { node, segments } from "../../shared/dom.js";
import { count, plural, shown } from "../../shared/text.js";
import { byWord, label } from "../../shared/tokens.js";
import { fact, facts, fine, output, text } from "../parts.js";

const ROLES = [
  ["bos", "start", "opens the sequence, as in training"],
  ["prefix", "prefix", "says that a query follows; the checkpoint was trained with it"],
  ["word", "your words", "what you typed, in pieces that the vocabulary has"],
  ["augmentation", "augmentation", "empty tokens: room to re-weigh the query"],
  ["suffix", "end", "closes the sequence"],
];
const MOST_JOINED = 3; // words whose pieces are shown

export const tokens = {
  id: "tokens",
  about: "query",
  short: "Tokens",
  keep: "My words become pieces of a vocabulary, the model adds tokens of its own, and all of them count.",
  title: () => "The query becomes tokens",
  idea: () =>
    "The model adds tokens of its own to what you type. Each one becomes a vector, looks for its best match, and " +
    "counts in the score: none is thrown away.",
  build(body, study) {
    const { value } = study;
    const strip = node("div", { class: "token-strip" });
    const result = node("div", {});
    const draw = () => {
      const query = study.augmented ? value.query : value.plain;
      strip.replaceChildren(...ROLES.map((role) => roleRow(query, role)));
      result.replaceChildren(outcome(study, query.tokens.length));
      mark(study.augmented ? "on" : "off");
    };
    const group = node("div", { class: "segments", "aria-label": "Augmentation tokens" });
    group.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation());
    const choices = [
      ["on", `${value.query.augmentation} augmentation tokens`],
      ["off", "none"],
    ];
    const mark = segments(group, choices, (choice) => {
      study.augmented = choice === "on";
      draw();
    });
    body.append(
      strip,
      node(
        "div",
        { class: "columns" },
        node("div", { class: "visual" }, node("h3", {}, "Leave them out and see"), group, result),
        node("div", { class: "words" }, ...explanation(value)),
      ),
    );
    draw();
  },
};

/** The tokens of one role, and what they are for. */
function roleRow(query, [kind, name, does]) {
  const found = query.tokens.filter((token) => token.kind === kind);
  const piece = (token) => node("span", { class: "piece" }, node("b", {}, label(token)), node("small", {}, token.id));
  return node(
    "div",
    { class: `role ${kind}${found.length ? "" : " gone"}` },
    node("div", { class: "role-name" }, node("b", {}, name), node("span", {}, does)),
    node(
      "div",
      { class: "pieces" },
      ...byWord(found).map((pieces) => node("span", { class: "joined" }, ...pieces.map(piece))),
      found.length ? null : node("span", { class: "none" }, "none"),
    ),
  );
}

/** What becomes of the page's score and rank. */
function outcome({ value, page, augmented }, length) {
  const score = augmented ? page.score : value.plain.score;
  const entry = value.ranking.find(({ key }) => key === page.key);
  const rank = `${augmented ? entry.rank : entry.plain_rank} of ${value.pages}`;
  const each = node("small", {}, ` ${shown(score / length, 3)} a token`);
  return facts(
    fact("tokens", output("tokens", count(length))),
    fact("score of this page", output("token-score", shown(score, 2)), each),
    fact("rank of this page", output("token-rank", rank)),
  );
}

function explanation({ query, paper }) {
  const joined = query.words.map((word, at) => [
    word.trim(),
    query.tokens.filter((token) => token.word === at).map(label),
  ]);
  const cutUp = joined.filter(([, pieces]) => pieces.length > 1).slice(0, MOST_JOINED);
  const pieces = query.tokens.filter(({ kind }) => kind === "word").length;
  const them = query.words.length === 1 ? "it" : "them";
  const { augmentation } = paper;
  return [
    text(
      `You typed ${plural(query.words.length, "word")}; the vocabulary makes ${plural(pieces, "token")} of ${them}. ` +
        "The number under each is its place in the vocabulary.",
    ),
    ...cutUp.map(([word, of]) => node("p", { class: "join" }, of.join(" + "), " = ", node("b", {}, word))),
    text(
      "Without augmentation the query is embedded anew, so all its vectors change a little. A score is a sum over " +
        "tokens: compare it between pages, never between queries of different length.",
    ),
    fine(
      `In the paper, ${augmentation.tokens} augmentation tokens raise the mean nDCG@5 from ${augmentation.without} ` +
        `to ${augmentation.with}.`,
    ),
  ];
}
