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

/** Tokens in groups: the pieces of a typed word, and every other token on its own. */
function byWord(tokens) {
  const groups = [];
  tokens.forEach((token, at) => {
    if (at && token.word !== null && token.word === tokens[at - 1].word) groups.at(-1).push(token);
    else groups.push([token]);
  });
  return groups;
}

export const tokens = {
  id: "tokens",
  about: "query",
  short: "Tokens",
  title: (study) => "The query becomes tokens",
  idea: (study) => "The model adds tokens of its own to what you type. Each one becomes a vector, looks for its best match, and counts in the score: none is thrown away.",
  build(body, study, kit) {
    const { value } = study;
    const page = study.page;
    const strip = node("div", { class: "token-strip" });
    const result = node("div", {});
    const draw = () => {
      const query = study.augmented ? value.query : value.plain;
      const score = study.augmented ? page.score : value.plain.score;
      const entry = value.ranking.find(({ key }) => key === page.key);
      strip.replaceChildren(
        ...ROLES.map(([kind, name, does]) => {
          const tokens = query.tokens.filter((token) => token.kind === kind);
          return node(
            "div",
            { class: `role ${kind}${tokens.length ? "" : " gone"}` },
            node("div", { class: "role-name" }, node("b", {}, name), node("span", {}, does)),
            node(
              "div",
              { class: "pieces" },
              ...byWord(tokens).map((pieces) => node("span", { class: "joined" }, ...pieces.map((token) => node("span", { class: "piece" }, node("b", {}, label(token)), node("small", {}, token.id))))),
              tokens.length ? null : node("span", { class: "none" }, "none"),
            ),
          );
        }),
      );
      result.replaceChildren(
        facts(
          fact("tokens", output("tokens", count(query.tokens.length))),
          fact("score of this page", output("token-score", shown(score, 2)), node("small", {}, ` ${shown(score / query.tokens.length, 3)} a token`)),
          fact("rank of this page", output("token-rank", `${study.augmented ? entry.rank : entry.plain_rank} of ${value.pages}`)),
        ),
      );
      mark(study.augmented ? "on" : "off");
    };
    const group = node("div", { class: "segments", "aria-label": "Augmentation tokens" });
    group.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation());
    const mark = segments(group, [["on", `${value.query.augmentation} augmentation tokens`], ["off", "none"]], (choice) => {
      study.augmented = choice === "on";
      draw();
    });
    const joined = value.query.words.map((word, at) => [word.trim(), value.query.tokens.filter((token) => token.word === at).map(label)]);
    const cutUp = joined.filter(([, of]) => of.length > 1).slice(0, 3);
    const pieces = value.query.tokens.filter(({ kind }) => kind === "word").length;
    const { augmentation } = value.paper;
    body.append(
      strip,
      node(
        "div",
        { class: "split even" },
        node("div", { class: "visual" }, node("h3", {}, "Leave them out and see"), group, result),
        node(
          "div",
          { class: "words" },
          text(`You typed ${plural(value.query.words.length, "word")}; the vocabulary makes ${plural(pieces, "token")} of ${value.query.words.length === 1 ? "it" : "them"}. The number under each is its place in the vocabulary.`),
          ...cutUp.map(([word, of]) => node("p", { class: "join" }, of.join(" + "), " = ", node("b", {}, word))),
        text("Without augmentation the query is embedded anew, so all its vectors change a little. A score is a sum over tokens: compare it between pages, never between queries of different length."),
          fine(`In the paper, ${augmentation.tokens} augmentation tokens raise the mean nDCG@5 from ${augmentation.without} to ${augmentation.with}.`),
        ),
      ),
    );
    draw();
  },
};
