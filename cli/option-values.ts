// Parsers of single flags for the argument parser. Each gives a value or a sentence that says what is allowed.
import { InvalidArgumentError } from 'commander';
import type { BackendChoice } from '../learning/index.ts';

/** A whole number in a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A number in a range; the ends are allowed unless `above` says that the lower one is not. */
export function numberBetween(
  min: number,
  max: number,
  options: { readonly above?: boolean } = {},
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const tooSmall = options.above === true ? value <= min : value < min;
    if (text.trim() === '' || !Number.isFinite(value) || tooSmall || value > max) {
      const from = options.above === true ? `above ${min} and up to ${max}` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`Give a number ${from}.`);
    }
    return value;
  };
}

/** For flags that may be given several times. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `--listen` and `--announce`: what looks like no multiaddr is refused before anything is started. */
export function collectAddress(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^\/(ip4|ip6|dns|dns4|dns6|dnsaddr)\/[\x21-\x7e]+$/.test(text)) {
    throw new InvalidArgumentError('Give a multiaddr such as /ip4/0.0.0.0/tcp/4001.');
  }
  return [...before, text];
}

/** `auto`, `node`, `wasm` or `cpu`. */
export function backendChoice(text: string): BackendChoice {
  switch (text) {
    case 'auto':
    case 'node':
    case 'wasm':
    case 'cpu':
      return text;
    default:
      throw new InvalidArgumentError('Use auto, node, wasm or cpu.');
  }
}

/**
 * `--trainer`: a command in words, as a shell would cut it for plain words and quotes. A backslash keeps a space, a quote
 * or a backslash; elsewhere it stands for itself, as in paths of Windows. Nothing else has a meaning.
 */
export function commandWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const next = text[at + 1] ?? '';
    let letter = text[at];
    const isEscape = letter === '\\' && quote !== "'" && (quote === '' ? /[\s"'\\]/ : /["\\]/).test(next);
    if (isEscape) {
      letter = next;
      at += 1;
    } else if (letter === quote || (quote === '' && /["']/.test(letter))) {
      quote = quote === '' ? letter : '';
      word ??= '';
      continue;
    } else if (quote === '' && /\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word = `${word ?? ''}${letter}`;
  }
  if (quote !== '') throw new InvalidArgumentError(`Close the quote ${quote} in the command.`);
  if (word !== undefined) words.push(word);
  if (words.length === 0 || words[0] === '')
    throw new InvalidArgumentError('Give a command such as "python3 train.py".');
  return words;
}

/** `--trainer` where the command is handed on as it was typed. */
export function commandText(text: string): string {
  commandWords(text);
  return text;
}
