"""How fast texts become numbers: tokens, bags of words, word numbers.

    OMP_NUM_THREADS=1 python benchmarks/text.py
    OMP_NUM_THREADS=1 python benchmarks/text.py pairs.tsv:text b.tsv:captions

Without arguments the texts are drawn from small lists of words in three
scripts; a manifest gives its own. Times are those of the processor, the best
of several rounds, so that a busy machine counts little. To compare two
versions, run the file under each (``PYTHONPATH=...``).
"""
from __future__ import annotations

import argparse
import csv
import re
import time
from collections.abc import Callable

import chtn_plugin  # noqa: F401  (first: see its __init__)

import numpy as np  # isort: skip
from chtn_plugin.text import BagOfWords, Tokenizer, WordIndices  # isort: skip

from figures import Figure, add_json_option, write_figures  # isort: skip

WAYS = dict(words='words', bag='bag of words', bigram_bag='bigram bag',
            numbers='word numbers')
WORDS = {
    'English': ('the a two cats dogs sit stand under near tree house river '
                'white black airplane runway people bicycle street').split(),
    'Chinese': list('的一是不了人我在有他这为之大来以个中上们'),
    'Hindi': 'भारत में हिन्दी एक भाषा है जो बहुत लोग बोलते हैं'.split(),
}


def drawn_texts(script: str, count: int = 2000, length: int = 40
                ) -> list[str]:
    """Draw texts of one script, each of ``length`` words."""
    draw = np.random.default_rng(0)
    words = WORDS[script]
    gap = '' if script == 'Chinese' else ' '
    return [gap.join(words[i] for i in draw.integers(0, len(words), length))
            for _ in range(count)]


def manifest_texts(source: str) -> list[str]:
    """Read the texts of ``FILE:COLUMN``."""
    path, _, column = source.rpartition(':')
    csv.field_size_limit(10**9)
    with open(path, encoding='utf-8', newline='') as file:
        rows = csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
        return [row[column] for row in rows]


def best_ms(action: Callable[[], object], rounds: int) -> float:
    """Least processor time of an action, ms."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def measure(name: str, texts: list[str], rounds: int) -> dict[str, object]:
    """Time each way from one list of texts to numbers, ms."""
    def bag(**options: object) -> Callable[[], object]:
        def action() -> object:
            made = BagOfWords(**options)  # type: ignore[arg-type]
            made.fit(texts)
            return made._encoded(texts) if hasattr(
                made, '_encoded') else made.encode(texts)
        return action

    numbers = WordIndices()
    numbers.fit(texts)
    words, characters = Tokenizer(), Tokenizer('character', (1, 2))
    return dict(
        texts=name, count=len(texts), characters=sum(map(len, texts)),
        bare_ms=best_ms(lambda: [re.findall(r'\w+', t.lower())
                                 for t in texts], rounds),
        words_ms=best_ms(lambda: [words(t) for t in texts], rounds),
        bigrams_ms=best_ms(lambda: [characters(t) for t in texts], rounds),
        bag_ms=best_ms(bag(), rounds),
        tfidf_ms=best_ms(bag(weighting='tfidf', norm='l2'), rounds),
        bigram_bag_ms=best_ms(bag(tokenizer=dict(
            unit='character', ngrams=(1, 2))), rounds),
        numbers_ms=best_ms(lambda: numbers(texts), rounds))


def main() -> None:
    """Measure each list of texts and print one line each."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', nargs='*', help='manifest FILE:COLUMN')
    parser.add_argument('--rounds', type=int, default=5)
    add_json_option(parser)
    args = parser.parse_args()
    lists = ({source: manifest_texts(source) for source in args.source}
             or {script: drawn_texts(script) for script in WORDS})
    found = [measure(name, texts, args.rounds)
             for name, texts in lists.items()]
    for line in found:
        print(f'{line["texts"]}, {line["count"]} texts, '
              f'{line["characters"]} characters: ' + ', '.join(
                  f'{key[:-3]} {value:.1f} ms' for key, value in line.items()
                  if key.endswith('_ms')))
    write_figures(args.json, 'text', [
        Figure(f'{line["texts"]}, {way}', line[f'{key}_ms'] / line['bare_ms'],
               r're.findall(r"\w+") of the texts')
        for line in found for key, way in WAYS.items()])


if __name__ == '__main__':
    main()
