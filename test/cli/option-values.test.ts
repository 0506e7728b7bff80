// The command behind --trainer, cut into words.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { commandText, commandWords } from '../../cli/option-values.ts';

describe('the words of a command', () => {
  it('are those of a shell for plain words, quotes and backslashes', () => {
    for (const [text, words] of [
      ['python3 train.py', ['python3', 'train.py']],
      ['  a\t b  ', ['a', 'b']],
      [`"my trainer" 'it is' ""`, ['my trainer', 'it is', '']],
      [`a"b c"'d e'f`, ['ab cd ef']],
      [`"say \\"hi\\"" 'a\\b' x\\ y`, ['say "hi"', 'a\\b', 'x y']],
      ['C:\\tools\\python.exe train.py', ['C:\\tools\\python.exe', 'train.py']],
      ['echo $HOME; rm * | cat > x &', ['echo', '$HOME;', 'rm', '*', '|', 'cat', '>', 'x', '&']],
    ] as const) {
      assert.deepEqual(commandWords(text), words, text);
      assert.equal(commandText(text), text);
    }
  });

  it('are refused where a quote stays open or there is none', () => {
    for (const text of ['', '   ', '""', `python3 "train.py`, `it's`]) {
      assert.throws(() => commandWords(text), { code: 'commander.invalidArgument' }, text);
    }
  });

  it('come back as they were when each stands in single quotes', () => {
    const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes("'"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (rest) => {
        const words = ['program', ...rest];
        assert.deepEqual(commandWords(words.map((each) => `'${each}'`).join(' ')), words);
      }),
      { seed: 4 },
    );
  });
});
