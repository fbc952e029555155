"""The steps that all preparations share, around reading their layout."""
from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from tqdm import tqdm

from ...datasets.manifest import PairRecord
from ...storage.archives import is_archive, unpack
from ...storage.download import download
from ...storage.files import atomic_write
from ...storage.ownership import (
    WrittenFiles,
    sweep_temporaries,
    temporary_path,
)
from ..image_facts import image_problem
from .verify import SUMS, listed_files, sum_problems, write_sums

RECORD = 'prepared.json'
#: Folder within the prepared set that holds what came out of an archive.
ORIGINAL = 'original'


@dataclass(frozen=True)
class Result:
    """What a preparation has written.

    Attributes:
        files: Files of the set, relative to its folder, to be hashed.
        report: Text to show: counts, class histogram, notes.
        facts: Figures to keep in ``prepared.json``.
    """
    files: Sequence[str]
    report: str
    facts: dict


@dataclass(frozen=True)
class Preparation:
    """One data set that can be prepared.

    Attributes:
        name: Name on the command line.
        help: One line: what it is and what the source must hold.
        run: Reads the source folder, writes the set; gets the options too.
        url: Where the archive can be fetched; None: only from the user.
        md5: MD5 of that archive, if published.
        fetch: Downloads the set into a folder where it is no archive.
        site: Where ``fetch`` downloads from.
        folder: Name of its folder in ``data``.
        add_arguments: Adds the set's own options to a parser.
        needs: What to get and where, shown when there is no source.
    """
    name: str
    help: str
    run: Callable[[Path, Path, argparse.Namespace], Result]
    folder: str
    url: Optional[str] = None
    md5: Optional[str] = None
    fetch: Optional[Callable[[Path, Callable[[str], None]], Path]] = None
    site: str = ''
    add_arguments: Callable[[argparse.ArgumentParser], None] = (
        lambda parser: None)
    needs: str = ''


def prepare(preparation: Preparation, source: Optional[Path], out: Path,
            options: argparse.Namespace,
            say: Callable[[str], None] = print) -> None:
    """Prepare a data set, or verify it if it is prepared already.

    ``SHA256SUMS`` and ``prepared.json`` are written last, so a folder that
    has them was completed. A second call checks every file against them and
    prepares anew only what no longer agrees.

    Args:
        preparation: The data set.
        source: Folder or archive to read; None: what an earlier call left
            in ``out``, else a download from the original site.
        out: Folder of the prepared set.
        options: Parsed options of the data set.
        say: Receives what there is to tell.

    Raises:
        FileNotFoundError: The source is missing or incomplete.
        ValueError: The source is broken, or is not the set it should be.
        OSError: A download failed.
    """
    share = getattr(options, 'val_fraction', None)
    if share is not None and not 0 < share < 1:  # NaN is not, either
        raise ValueError(f'val_fraction must be in (0, 1), got {share}')
    if getattr(options, 'seed', 0) < 0:
        raise ValueError(f'seed must be 0 or more, got {options.seed}')
    request = _asked(preparation, options)
    if _is_done(out, request, say):
        return
    for folder in (out, *{(out / name).parent for name in written_files(
            out)}):
        sweep_temporaries(folder)
    root = _source_folder(preparation, source, out, say)
    start = time.monotonic()
    result = preparation.run(root, out, options)
    claim(out, [SUMS, RECORD])
    write_sums(out, result.files)
    record = {'name': preparation.name, 'options': request,
              'n_files': len(set(result.files)), **result.facts}
    with atomic_write(out / RECORD, 'w', encoding='utf-8') as file:
        json.dump(record, file, indent=2, ensure_ascii=False)
        file.write('\n')
    written_files(out).close()
    say(result.report)
    say(f'prepared {preparation.name} in {out}: {record["n_files"]} files '
        f'hashed, {time.monotonic() - start:.1f} s')


def written_files(out: Path) -> WrittenFiles:
    """Return the files that preparations have written into a folder.

    A finished one left its record and the names in ``SHA256SUMS``, one that
    was cut off a list.

    Args:
        out: Folder of the prepared set.
    """
    record = _record(out)
    if not record:
        return WrittenFiles(out)
    return WrittenFiles(out, [RECORD, SUMS, *record.get('links', ()),
                              *listed_files(out)])


def claim(out: Path, names: Iterable[str]) -> None:
    """Refuse to replace what no preparation has written.

    To be called before anything is written under the names.

    Args:
        out: Folder of the prepared set.
        names: Paths relative to it.

    Raises:
        ValueError: A file of the user's has one of the names.
    """
    written_files(out).claim(names)


def place_images(root: Path, out: Path, names: Iterable[str],
                 check: bool = True) -> list[str]:
    """Bring images from the source folder into the prepared set.

    A copy; a hard link where the source is what an archive left inside
    ``out``. What is there already with the source's size and time stays.

    Args:
        root: Folder that the names are relative to.
        out: Folder of the prepared set; the names keep their place in it.
        names: Image paths.
        check: Decode each picture (at an eighth of its size).

    Returns:
        The names.

    Raises:
        ValueError: A picture cannot be decoded; all such are named.
    """
    names, broken = sorted(set(names)), []
    link = out.resolve() in root.resolve().parents
    if root.resolve() != out.resolve():
        _claim_copies(root, out, names)
    for name in tqdm(names, 'images', unit='image', disable=None):
        problem = image_problem(root / name) if check else None
        if problem:
            broken.append(f'{name} ({problem})')
        elif root.resolve() != out.resolve():
            _place(root / name, out / name, link)
    if broken:
        raise ValueError(f'{len(broken)} pictures under {root} cannot be '
                         f'decoded: {"; ".join(broken[:5])}. Get them anew, '
                         'or pass --allow-missing to leave them out')
    return names


def place_files(root: Path, out: Path, names: Iterable[str]) -> list[str]:
    """Bring other files along, those that there are; see place_images."""
    link = out.resolve() in root.resolve().parents
    names = [name for name in names if (root / name).is_file()]
    if root.resolve() != out.resolve():
        _claim_copies(root, out, names)
        for name in names:
            _place(root / name, out / name, link)
    return names


def _claim_copies(root: Path, out: Path, names: Sequence[str]) -> None:
    """Claim names, but those of files that are equal to what would come."""
    ours = written_files(out)
    ours.claim(name for name in names if name in ours or not (
        (out / name).is_file() and (root / name).is_file()
        and filecmp.cmp(root / name, out / name, shallow=False)))


def pair_result(out: Path, manifests: dict[str, Sequence[PairRecord]],
                images: Sequence[str], note: str = '') -> Result:
    """Write manifests and sum them up.

    Args:
        out: Folder of the prepared set.
        manifests: File name and records; the first is the main one.
        images: Image files of the set.
        note: Something a user has to know.
    """
    from ...datasets.manifest import write_manifest
    from .verify import class_histogram, histogram_table
    claim(out, manifests)
    for name, records in manifests.items():
        write_manifest(out / name, list(records))
    lines = [f'{name}\n{histogram_table(records)}'
             for name, records in manifests.items()]
    histogram = {name: class_histogram(records)
                 for name, records in manifests.items()}
    return Result([*manifests, *images],
                  '\n\n'.join(lines + ([note] if note else [])),
                  {'histogram': histogram})


def _asked(preparation: Preparation, options: argparse.Namespace) -> dict:
    parser = argparse.ArgumentParser(add_help=False)
    preparation.add_arguments(parser)
    known = vars(parser.parse_args([]))
    return {name: str(getattr(options, name)) for name in known}


def _is_done(out: Path, request: dict, say: Callable[[str], None]) -> bool:
    record = _record(out)
    if not record:
        return False
    if record.get('options') != request:
        say(f'{out} was prepared with other options, preparing it anew')
        return False
    problems = sum_problems(out)
    if problems == []:
        say(f'{out} is prepared: {record["n_files"]} files agree with '
            'SHA256SUMS (delete the folder to prepare it anew)')
        return True
    for problem in (problems or ['SHA256SUMS is missing'])[:10]:
        say(f'{out}: {problem}')
    say(f'{len(problems or [1])} files do not agree, preparing {out} anew')
    return False


def _record(out: Path) -> dict:
    """What a finished preparation noted; empty where there is none."""
    try:
        record = json.loads((out / RECORD).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    ours = isinstance(record, dict) and {'name', 'options', 'n_files'} <= set(
        record)
    return record if ours else {}


def _source_folder(preparation: Preparation, source: Optional[Path],
                   out: Path, say: Callable[[str], None]) -> Path:
    if source is None and (out / ORIGINAL).is_dir():
        return out / ORIGINAL
    if source is None and preparation.fetch:
        return preparation.fetch(out / 'download', say)
    if source is None and preparation.url:
        name = preparation.url.rsplit('/', 1)[-1]
        source = download(preparation.url, out / 'download' / name,
                          preparation.md5, say=say)
    if source is None:
        raise FileNotFoundError(
            f'{preparation.name} needs a --source: {preparation.needs}')
    if not source.exists():
        raise FileNotFoundError(f'source not found: {source}')
    if source.is_dir():
        return source
    if not is_archive(source):
        raise ValueError('a source must be a folder, a zip or a tar archive, '
                         f'got {source}')
    return unpack(source, out / ORIGINAL)


def find_root(root: Path, name: str, depth: int = 3) -> Path:
    """Return the folder at or below ``root`` that holds ``name``.

    Archives differ in how many folders stand around their content.

    Raises:
        FileNotFoundError: No folder down to ``depth`` has it.
    """
    for level in range(depth + 1):
        for path in sorted(root.glob('/'.join(['*'] * level + [name]))):
            return path.parents[len(Path(name).parts) - 1]
    raise FileNotFoundError(f'{name} is not in {root}, nor in the '
                            f'{depth} levels of folders below it')


def _place(source: Path, target: Path, link: bool) -> None:
    if target.exists():
        have, want = target.stat(), source.stat()
        if (have.st_size, have.st_mtime_ns) == (want.st_size,
                                                want.st_mtime_ns):
            return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(target)
    try:
        if not link:
            raise OSError('a file of the user gets no second name')
        os.link(source, temporary)
    except OSError:
        shutil.copy2(source, temporary)
        temporary.chmod(0o644)
    os.replace(temporary, target)
