/** Commands in pieces of shell, as far as it takes to find those of AmberMQ. */

/** One command: its words without quotes. */
export type Words = readonly string[];

/**
 * The simple commands of a script: what stands between `|`, `&&`, `;`, `&` and
 * line ends. Redirections are left out, and so are here-documents.
 */
export function commandsOf(script: string): Words[] {
  const text = script
    .replace(/<<-?'?(\w+)'?([^\n]*)\n[^]*?\n\s*\1(?=\n|$)/g, "$2\n")
    .replaceAll("\\\n", " ");
  const commands: Words[] = [];
  let words: string[] = [];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    const plain = withoutRedirections(words);
    if (plain.length > 0) commands.push(plain);
    words = [];
  };
  for (let at = 0; at < text.length;) {
    const [token] = TOKEN.exec(text.slice(at))!;
    const first = token[0]!;
    at += token.length;
    if (first === "'") word = (word ?? "") + token.slice(1, -1);
    else if (first === '"') {
      word = (word ?? "") + token.slice(1, -1).replace(/\\(["\\$`])/g, "$1");
    } else if (first === "\\") word = (word ?? "") + token.slice(1);
    else if (first === "#" && word === undefined) {
      at += /^[^\n]*/.exec(text.slice(at))![0].length;
    } else if (/^\d?[<>]/.test(token)) {
      endWord();
      words.push(token);
    } else if (/[\n|&;()]/.test(first)) endCommand();
    else if (/\s/.test(first)) endWord();
    else word = (word ?? "") + token;
  }
  endCommand();
  return commands;
}

const TOKEN =
  /^(?:'[^']*'|"(?:[^"\\]|\\[^])*"|\\[^]|\d?[<>]+(?:&\d)?|\$\([^)]*\)|[^])/;

function withoutRedirections(words: readonly string[]): string[] {
  return words.filter((word, i) =>
    !/^\d?[<>]/.test(word) && !/^\d?[<>]+$/.test(words[i - 1] ?? "")
  );
}

/**
 * The arguments for `main()` of a command, if it is one of AmberMQ: the program
 * itself, a task, or `deno run` of its module.
 */
export function argumentsOf(words: Words): string[] | undefined {
  const start = words.findIndex((word) => !/^\w+=/.test(word));
  const [program, ...rest] = words.slice(Math.max(start, 0));
  const task = /^(?:broker|pub|sub)$/;
  const name = program?.split("/").at(-1);
  switch (name) {
    case "ambermq":
      return rest;
    case "ambermq_pub":
      return ["pub", ...rest];
    case "ambermq_sub":
      return ["sub", ...rest];
    case "npx":
    case "deno": {
      const at = rest.findIndex((word) =>
        /^jsr:@ambermq\/mqtt\/cli$|\bcli\/mod\.ts$/.test(word)
      );
      if (at >= 0 && rest.includes("run")) return rest.slice(at + 1);
      const i = rest.indexOf("task");
      return i >= 0 && task.test(rest[i + 1] ?? "")
        ? rest.slice(i + 1)
        : undefined;
    }
    default:
      return undefined;
  }
}
