"""Files in shards, read where they lie."""
from __future__ import annotations

import io
import multiprocessing
import os
import tarfile

import numpy as np
import pytest
from tiny_data import write_picture

from chtn_plugin.storage import shards, side_files
from chtn_plugin.storage.pictures import (
    UnknownFormatError,
    check_picture,
    format_name,
    open_picture,
    picture_header,
)
from chtn_plugin.storage.shards import (
    file_bytes,
    file_of,
    file_sha256,
    file_size,
    is_file,
    opened,
    parted,
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('CHTN_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


def tar(path, members, mode='w'):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def shard(tmp_path):
    return tar(tmp_path / '0.tar', [
        ('b.txt', b'two'), ('a/é.jpg', b'x' * 3000), ('empty', b'')])


def test_member_is_read_by_a_path_through_the_shard(shard):
    assert file_bytes(shard / 'b.txt') == b'two'
    assert file_bytes(f'{shard}/a/é.jpg') == b'x' * 3000
    assert file_bytes(shard / 'empty') == b''
    assert [file_size(shard / name) for name in ('b.txt', 'empty')] == [3, 0]
    assert is_file(shard / 'b.txt') and not is_file(shard / 'c.txt')
    assert file_of(shard / 'b.txt') == str(shard)


def test_a_system_without_pread_reads_the_same(shard, monkeypatch):
    monkeypatch.delattr(os, 'pread')
    for name, content in (('a/é.jpg', b'x' * 3000), ('b.txt', b'two'),
                          ('empty', b'')):
        assert file_bytes(shard / name) == content


def test_plain_file_is_read_as_ever(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_bytes(b'abc')
    assert (file_bytes(path), file_size(path), is_file(path),
            file_of(path)) == (b'abc', 3, True, str(path))
    assert not is_file(tmp_path / 'b.txt')


def test_folder_of_such_a_name_is_a_folder(tmp_path):
    (tmp_path / 'x.tar').mkdir()
    (tmp_path / 'x.tar' / 'a').write_bytes(b'1')
    assert parted(tmp_path / 'x.tar' / 'a') is None
    assert file_bytes(tmp_path / 'x.tar' / 'a') == b'1'


def test_equal_bytes_have_equal_hashes(shard, tmp_path):
    (tmp_path / 'b.txt').write_bytes(b'two')
    assert file_sha256(shard / 'b.txt') == file_sha256(tmp_path / 'b.txt')


def test_members_come_in_the_order_of_the_file(shard):
    assert opened(shard).in_order() == ['b.txt', 'a/é.jpg', 'empty']


def test_missing_member_is_named(shard):
    with pytest.raises(FileNotFoundError, match=r'0\.tar/c\.txt'):
        file_bytes(shard / 'c.txt')


def many(path, count=200):
    return tar(path, [(f'{k:05}.txt', str(k).encode())
                      for k in range(count)])


def test_index_is_made_once_and_kept(tmp_path, monkeypatch, cache):
    path = many(tmp_path / '0.tar')
    assert file_bytes(path / '00150.txt') == b'150'
    assert len(list((cache / 'side_files').iterdir())) == 1
    monkeypatch.setattr(shards, '_members', None)
    shards._opened.cache_clear()
    assert file_bytes(path / '00007.txt') == b'7'


def test_index_is_made_anew_once_the_shard_is_another(tmp_path):
    path = many(tmp_path / '0.tar')
    assert file_bytes(path / '00150.txt') == b'150'
    tar(path, [('00150.txt', b'new')])
    assert file_bytes(path / '00150.txt') == b'new'


def test_shard_is_read_where_no_index_can_be_kept(tmp_path, cache):
    cache.write_text('a file stands in its place')
    assert file_bytes(many(tmp_path / '0.tar') / '00150.txt') == b'150'


@pytest.mark.parametrize('left', [300, 2000, 4096, 5120])
def test_shard_that_is_cut_is_named(shard, left):
    # Within a header, within data, and where only the end mark is missing.
    shard.write_bytes(shard.read_bytes()[:left])
    with pytest.raises(ValueError, match=r'must be whole: .*0\.tar is cut'):
        file_bytes(shard / 'b.txt')


def test_shard_that_is_cut_behind_its_index_is_named(tmp_path):
    path = many(tmp_path / '0.tar')
    kept = opened(path)
    os.truncate(path, 5000)
    with pytest.raises(ValueError, match=r'0\.tar is cut within 00150\.txt'):
        kept.read('00150.txt')


def test_compressed_shard_is_refused_with_the_reason(tmp_path):
    path = tar(tmp_path / '0.tar', [('a', b'1')], 'w:gz')
    with pytest.raises(ValueError, match=r'not be compressed .*0\.tar is, by '
                       'gzip'):
        file_bytes(path / 'a')


@pytest.mark.parametrize('name', ['/etc/passwd', '../a', 'a/../../b'])
def test_member_that_leads_out_is_refused(tmp_path, name):
    path = tar(tmp_path / '0.tar', [(name, b'1')])
    with pytest.raises(ValueError, match='must stay inside its shard'):
        file_bytes(path / 'a')


def test_member_that_stands_twice_is_refused(tmp_path):
    path = tar(tmp_path / '0.tar', [('a', b'1'), ('b', b''), ('a', b'2')])
    with pytest.raises(ValueError, match="'a' stands twice in .*0.tar"):
        file_bytes(path / 'a')


def test_member_of_equal_digest_is_told_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, '_digest', lambda name: 7)
    path = tar(tmp_path / '0.tar', [('a', b'1'), ('b', b'2'), ('c', b'3')])
    assert [file_bytes(path / name) for name in 'abc'] == [b'1', b'2', b'3']
    assert not is_file(path / 'd')


def test_digests_that_differ_by_little_are_told_apart(tmp_path, monkeypatch):
    # As floating point numbers they would all be one.
    monkeypatch.setattr(shards, '_digest', lambda name: 2**62 + int(name))
    path = tar(tmp_path / '0.tar', [(str(k), str(k).encode())
                                    for k in range(30)])
    assert [file_bytes(path / str(k)) for k in range(30)] == [
        str(k).encode() for k in range(30)]


def test_links_are_no_members(tmp_path):
    with tarfile.open(tmp_path / '0.tar', 'w') as archive:
        link = tarfile.TarInfo('a')
        link.type, link.linkname = tarfile.SYMTYPE, '/etc/passwd'
        archive.addfile(link)
    assert not is_file(tmp_path / '0.tar' / 'a')


def _reads(path, offset, wrong):
    for k in range(500):
        number = (k * 7 + offset) % 200
        if file_bytes(path / f'{number:05}.txt') != str(number).encode():
            wrong.value += 1


def test_forked_processes_read_one_open_shard_at_once(tmp_path):
    path = many(tmp_path / '0.tar')
    opened(path)
    context = multiprocessing.get_context('fork')
    wrong = context.Value('i', 0)
    workers = [context.Process(target=_reads, args=(path, offset, wrong))
               for offset in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert wrong.value == 0


def test_pictures_in_shards_are_opened_and_checked(tmp_path):
    source = write_picture(tmp_path / 'a.png', 7)
    path = tar(tmp_path / '0.tar', [('a.png', source.read_bytes()),
                                    ('b.png', b'no picture')])
    assert picture_header(path / 'a.png') == ('PNG', (4, 4))
    assert np.asarray(open_picture(path / 'a.png'))[0, 0, 0] == 7
    assert format_name(path / 'a.png') == 'PNG'
    assert format_name(path / 'c.png') is None
    check_picture(path / 'a.png')
    with pytest.raises(UnknownFormatError, match=r'0\.tar/b\.png'):
        check_picture(path / 'b.png')
    with pytest.raises(FileNotFoundError, match=r'0\.tar/c\.png'):
        check_picture(path / 'c.png')


# Parquet and Arrow.

CELLS = [dict(bytes=str(k).encode(), path=None) for k in range(10)]


def arrow_file(folder, ending):
    arrow = pytest.importorskip('pyarrow')
    table = arrow.table(dict(
        image=CELLS, raw=[str(k).encode() for k in range(10)],
        text=list('abcdefghij')))
    path = folder / f'0{ending}'
    if ending == '.parquet':
        from pyarrow import parquet
        parquet.write_table(table, path, row_group_size=3)
        return path
    with arrow.OSFile(str(path), 'wb') as sink, arrow.ipc.new_stream(
            sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)
    return path


@pytest.mark.parametrize('ending', ['.parquet', '.arrow'])
def test_cells_are_read_in_any_order(tmp_path, ending):
    path = arrow_file(tmp_path, ending)
    for row in (7, 0, 9, 3, 2, 8):
        assert file_bytes(path / f'image/{row}') == str(row).encode()
        assert file_bytes(path / f'raw/{row}') == str(row).encode()
    assert is_file(path / 'raw/9') and file_size(path / 'raw/9') == 1


@pytest.mark.parametrize('ending', ['.parquet', '.arrow'])
@pytest.mark.parametrize('member', ['raw/10', 'raw/-1', 'raw/x', 'none/1',
                                    'raw', 'raw/²'])
def test_cell_that_is_not_there_is_named(tmp_path, ending, member):
    path = arrow_file(tmp_path, ending)
    assert not is_file(path / member)
    with pytest.raises(FileNotFoundError, match=f'{path.name}/{member}'):
        file_bytes(path / member)


def test_cell_of_text_is_no_file(tmp_path):
    path = arrow_file(tmp_path, '.parquet')
    with pytest.raises(FileNotFoundError, match='no picture in the cell'):
        file_bytes(path / 'text/1')


@pytest.mark.parametrize('ending', ['.parquet', '.arrow'])
def test_cut_file_of_cells_is_named(tmp_path, ending):
    path = arrow_file(tmp_path, ending)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=rf'0\{ending} is cut or damaged'):
        for row in range(10):
            file_bytes(path / f'image/{row}')


def test_indexes_of_shards_that_are_gone_are_swept(tmp_path, cache):
    for number in range(2):
        assert is_file(many(tmp_path / f'{number}.tar') / '00001.txt')
    (tmp_path / '0.tar').unlink()
    side_files.SideArrays('x', tmp_path).sweep()
    assert len(list((cache / 'side_files').iterdir())) == 1
