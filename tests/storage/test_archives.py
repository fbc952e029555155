"""Archives: hostile ones are refused by name, interrupted ones resume."""
from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile

import pytest

from chtn_plugin.storage import archives
from chtn_plugin.storage.archives import Limits, unpack


def tar_of(path, *members, mode='w'):
    """Write a tar of (name, content) or ready TarInfo members."""
    with tarfile.open(path, mode) as file:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                file.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                file.addfile(info, io.BytesIO(member[1]))
    return path


def zip_of(path, *members):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def nothing_outside(tmp_path, archive):
    """Only the archive and a partial folder may be there."""
    return {path.name for path in tmp_path.iterdir()} <= {
        archive.name, 'out.partial'}


@pytest.mark.parametrize('mode, suffix', [
    ('w', 'tar'), ('w:gz', 'tar.gz'), ('w:xz', 'tar.xz'), ('w:bz2', 'tbz2')])
def test_tar_is_unpacked(tmp_path, mode, suffix):
    archive = tar_of(tmp_path / f'a.{suffix}', ('x/1.txt', b'one'),
                     mode=mode)
    assert unpack(archive, tmp_path / 'out') == tmp_path / 'out'
    assert (tmp_path / 'out/x/1.txt').read_bytes() == b'one'
    assert not (tmp_path / 'out.partial').exists()


def test_zip_is_unpacked_without_clutter(tmp_path):
    archive = zip_of(tmp_path / 'a.zip', ('x/1.txt', 'one'),
                     ('__MACOSX/x/._1.txt', 'junk'), ('x/._2.txt', 'junk'))
    out = unpack(archive, tmp_path / 'out')
    assert [path.name for path in (out / 'x').iterdir()] == ['1.txt']


@pytest.mark.parametrize('name', [
    '../evil', 'x/../../evil', '/tmp/evil', 'C:/evil', 'x\\..\\evil',
    '.archive.json'])
@pytest.mark.parametrize('kind', ['tar', 'zip'])
def test_path_outside_is_refused(tmp_path, name, kind):
    archive = (tar_of(tmp_path / 'a.tar', (name, b'x')) if kind == 'tar' else
               zip_of(tmp_path / 'a.zip', (name, 'x')))
    with pytest.raises(ValueError, match='outside its folder'):
        unpack(archive, tmp_path / 'out')
    assert nothing_outside(tmp_path, archive)


@pytest.mark.parametrize('kind', [
    tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_link_or_device_in_tar_is_refused(tmp_path, kind):
    info = tarfile.TarInfo('x')
    info.type, info.linkname = kind, '/etc/passwd'
    archive = tar_of(tmp_path / 'a.tar', info)
    with pytest.raises(ValueError, match="plain files only: 'x'"):
        unpack(archive, tmp_path / 'out')
    assert nothing_outside(tmp_path, archive)


def test_symbolic_link_in_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo('x')
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = tmp_path / 'a.zip'
    with zipfile.ZipFile(archive, 'w') as file:
        file.writestr(info, '/etc/passwd')
    with pytest.raises(ValueError, match="plain files only: 'x'"):
        unpack(archive, tmp_path / 'out')


def test_zip_bomb_stops_at_the_limit(tmp_path):
    archive = zip_of(tmp_path / 'a.zip', ('x', bytes(3_000_000)))
    assert archive.stat().st_size < 5_000
    with pytest.raises(ValueError, match="'x' goes beyond"):
        unpack(archive, tmp_path / 'out', Limits(free_bytes=1_000_000))
    assert not (tmp_path / 'out.partial' / 'x').exists()


def test_xz_bomb_stops_at_the_limit(tmp_path):
    archive = tar_of(tmp_path / 'a.tar.xz', ('x', bytes(3_000_000)),
                     mode='w:xz')
    with pytest.raises(ValueError, match="'x' goes beyond"):
        unpack(archive, tmp_path / 'out', Limits(free_bytes=1_000_000))


def test_size_that_lies_is_not_believed(tmp_path):
    archive = zip_of(tmp_path / 'a.zip', ('x', bytes(100_000)))
    raw = archive.read_bytes()
    # Both headers say 10 bytes; the data hold 100,000.
    raw = raw.replace((100_000).to_bytes(4, 'little'),
                      (10).to_bytes(4, 'little'))
    archive.write_bytes(raw)
    with pytest.raises(ValueError):
        unpack(archive, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    assert not (tmp_path / 'out.partial' / 'x').exists()


def test_too_many_files_are_refused(tmp_path):
    archive = tar_of(tmp_path / 'a.tar', *[(str(i), b'') for i in range(11)])
    with pytest.raises(ValueError, match='10 files'):
        unpack(archive, tmp_path / 'out', Limits(files=10))


@pytest.mark.parametrize('suffix', ['zip', 'tar', 'tar.gz', 'tar.xz'])
def test_damaged_archive_is_named(tmp_path, suffix):
    archive = tmp_path / f'a.{suffix}'
    archive.write_bytes(os.urandom(2000))
    with pytest.raises(ValueError, match=f'a.{suffix} is damaged'):
        unpack(archive, tmp_path / 'out')


@pytest.mark.parametrize('mode, suffix', [('w:gz', 'tar.gz'),
                                          ('w:xz', 'tar.xz')])
def test_truncated_archive_leaves_no_folder(tmp_path, mode, suffix):
    archive = tar_of(tmp_path / f'a.{suffix}', ('x', os.urandom(100_000)),
                     mode=mode)
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(ValueError, match='damaged'):
        unpack(archive, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_encrypted_zip_is_refused(tmp_path):
    archive = zip_of(tmp_path / 'a.zip', ('x', 'content'))
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b'PK\1\2') + 8] |= 1
    archive.write_bytes(raw)
    with pytest.raises(ValueError, match='encrypted'):
        unpack(archive, tmp_path / 'out')


def test_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no\.zip'):
        unpack(tmp_path / 'no.zip', tmp_path / 'out')


def test_interrupted_run_goes_on(tmp_path, monkeypatch):
    archive = tar_of(tmp_path / 'a.tar', ('1', b'one'), ('2', b'two'))
    written = []
    real = archives._write

    def fails_at_second(member, target, source):
        if member.name == '2' and len(written) < 2:
            written.append('interrupted')
            raise KeyboardInterrupt
        written.append(member.name)
        real(member, target, source)
    monkeypatch.setattr(archives, '_write', fails_at_second)
    with pytest.raises(KeyboardInterrupt):
        unpack(archive, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    unpack(archive, tmp_path / 'out')
    assert written == ['1', 'interrupted', '2']


def test_other_archive_replaces_the_content(tmp_path):
    unpack(tar_of(tmp_path / 'a.tar', ('old', b'x')), tmp_path / 'out')
    unpack(tar_of(tmp_path / 'b.tar', ('new', b'x')), tmp_path / 'out')
    assert [path.name for path in (tmp_path / 'out').iterdir()
            if not path.name.startswith('.')] == ['new']


@pytest.mark.parametrize('name', ['out', 'out.partial'])
def test_folder_of_the_users_is_refused_and_kept(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / 'mine').write_text('x')
    with pytest.raises(ValueError, match='was not unpacked by this tool'):
        unpack(tar_of(tmp_path / 'a.tar', ('new', b'x')), tmp_path / 'out')
    assert (tmp_path / name / 'mine').read_text() == 'x'


def test_stamp_of_another_program_is_not_ours(tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/.archive.json').write_text('{"version": 1}')
    with pytest.raises(ValueError, match='was not unpacked by this tool'):
        unpack(tar_of(tmp_path / 'a.tar', ('new', b'x')), tmp_path / 'out')


def test_killed_between_folder_and_stamp_it_goes_on(tmp_path):
    (tmp_path / 'out.partial').mkdir()
    unpack(tar_of(tmp_path / 'a.tar', ('new', b'x')), tmp_path / 'out')
    assert (tmp_path / 'out/new').exists()


def test_member_named_as_a_temporary_file_is_kept(tmp_path):
    unpack(tar_of(tmp_path / 'a.tar', ('a.part', b'1'), ('a', b'2')),
           tmp_path / 'out')
    assert (tmp_path / 'out/a.part').read_bytes() == b'1'
