"""Layouts of embedding files."""
import numpy as np
import pytest

from chtn_plugin.evaluation import (
    Embeddings,
    read_embeddings,
    save_embeddings,
)

IMAGE = np.arange(12.).reshape(6, 2)
TEXT = np.arange(12., 24).reshape(6, 2)
LABEL = np.array([1, 1, 2, 2, 3, 3])


def check(read, label=LABEL):
    np.testing.assert_array_equal(read.image, IMAGE)
    np.testing.assert_array_equal(read.text, TEXT)
    np.testing.assert_array_equal(read.image_label, label)
    np.testing.assert_array_equal(read.text_label, label)


def test_our_own_layout_comes_back_whole(tmp_path):
    path = tmp_path / 'e.npz'
    written = Embeddings(IMAGE, TEXT, LABEL, LABEL, np.arange(6),
                         np.arange(6, 12), classes=('x', 'a', 'b', 'c'),
                         meta=dict(seed=3))
    save_embeddings(path, written, 'chtn-map-all')
    read = read_embeddings([path])
    check(read)
    assert read.classes == written.classes and read.meta == written.meta
    assert read.text_id.tolist() == list(range(6, 12))
    with np.load(path) as arrays:
        assert str(arrays['protocol']) == 'chtn-map-all'
        assert arrays['label'].tolist() == LABEL.tolist()


LAYOUTS = [
    dict(image=IMAGE, text=TEXT, label=LABEL),
    dict(image=IMAGE, text=TEXT, image_label=LABEL, text_label=LABEL),
    dict(test_imgs_deep=IMAGE, test_texts_doc=TEXT,
         test_imgs_labels=LABEL[None], test_texts_labels=LABEL[:, None],
         train_imgs_deep=IMAGE + 1),
    dict(test_img=IMAGE, test_txt=TEXT, test_lab=LABEL),
    dict(q_img=IMAGE, q_txt=TEXT, q_l=LABEL),
    dict(test_fea=np.stack([IMAGE, TEXT]), test_lab=LABEL),
]


@pytest.mark.parametrize('layout', LAYOUTS, ids=lambda x: next(iter(x)))
@pytest.mark.parametrize('suffix', ['npz', 'mat', 'h5'])
def test_recognises_public_layouts(tmp_path, layout, suffix):
    path = tmp_path / f'e.{suffix}'
    if suffix == 'npz':
        np.savez(path, **layout)
    elif suffix == 'mat':
        pytest.importorskip('scipy.io').savemat(path, layout)
    else:
        with pytest.importorskip('h5py').File(path, 'w') as file:
            for name, array in layout.items():
                file[name] = array
    check(read_embeddings([path]))


def test_matlab_73_files_are_transposed(tmp_path):
    h5py = pytest.importorskip('h5py')
    path = tmp_path / 'e.mat'
    with h5py.File(path, 'w', userblock_size=512) as file:
        for name, array in LAYOUTS[0].items():
            file[name] = array.T
    with open(path, 'r+b') as file:
        # What MATLAB writes before the HDF5 part: a version of 2.0.
        head = b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM'
        file.write(head)
    check(read_embeddings([path]))


def test_two_npy_files_and_labels(tmp_path):
    for name, array in dict(i=IMAGE, t=TEXT, l=LABEL).items():
        np.save(tmp_path / f'{name}.npy', array)
    files = [tmp_path / 'i.npy', tmp_path / 't.npy']
    check(read_embeddings(files, [tmp_path / 'l.npy']))
    (tmp_path / 'l.txt').write_text('1\n1\n2\n2\n3\n3\n')
    check(read_embeddings(files, [tmp_path / 'l.txt'] * 2))


def test_two_files_of_one_view_each(tmp_path):
    for name, array in dict(a=IMAGE, b=TEXT).items():
        np.savez(tmp_path / f'{name}.npz', test_fea=array, test_lab=LABEL)
    check(read_embeddings([tmp_path / 'a.npz', tmp_path / 'b.npz']))


def test_one_hot_labels_are_classes_and_multi_hot_ones_stay(tmp_path):
    path = tmp_path / 'e.npz'
    np.savez(path, image=IMAGE, text=TEXT, label=np.eye(4)[LABEL])
    check(read_embeddings([path]))
    multi = np.eye(4)[LABEL]
    multi[0, 2] = 1
    np.savez(path, image=IMAGE, text=TEXT, label=multi)
    check(read_embeddings([path]), multi)


def test_separate_gallery_is_read(tmp_path):
    path = tmp_path / 'e.npz'
    np.savez(path, q_img=IMAGE, q_txt=TEXT, q_l=LABEL, r_img=IMAGE[:4],
             r_txt=TEXT[:4], r_l=LABEL[:4])
    read = read_embeddings([path])
    check(read)
    assert read.gallery.text.shape == (4, 2)
    assert read.gallery.image_label.tolist() == [1, 1, 2, 2]


def test_field_names_can_be_given(tmp_path):
    path = tmp_path / 'e.npz'
    np.savez(path, u=IMAGE, v=TEXT, w=LABEL)
    check(read_embeddings([path], fields=dict(image='u', text='v',
                                              label='w')))


@pytest.mark.parametrize('arrays, fields, message', [
    (dict(a=IMAGE), {}, 'no image or text embeddings found among a'),
    (dict(img=IMAGE, test_img=IMAGE), {}, 'any of img, test_img'),
    (dict(image=IMAGE), {}, 'no labels for image'),
    (dict(image=IMAGE, label=LABEL[:5]), {}, 'got 5 and 6'),
    (dict(image=IMAGE, label=LABEL), dict(image='x'), "no array 'x'"),
    (dict(image=IMAGE, label=LABEL), dict(picture='x'), 'must be one of'),
    (dict(image=np.array([{}, []], object), label=LABEL[:2]), {},
     'cannot be read'),
])
def test_says_what_is_wrong(tmp_path, arrays, fields, message):
    path = tmp_path / 'e.npz'
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message):
        read_embeddings([path], fields=fields)


def test_never_unpickles(tmp_path):
    path = tmp_path / 'e.pkl'
    path.write_bytes(b'')
    with pytest.raises(ValueError, match='pickles are not read'):
        read_embeddings([path])
    with pytest.raises(FileNotFoundError):
        read_embeddings([tmp_path / 'none.npz'])


def test_one_hot_labels_beside_multi_hot_ones_stay_comparable(tmp_path):
    path = tmp_path / 'e.npz'
    one = np.eye(4)[LABEL]
    many = one.copy()
    many[0, 2] = 1
    np.savez(path, image=IMAGE, text=TEXT, image_label=one, text_label=many)
    read = read_embeddings([path])
    np.testing.assert_array_equal(read.image_label, one)
    np.testing.assert_array_equal(read.text_label, many)
    np.savez(path, q_img=IMAGE, q_txt=TEXT, q_l=one, r_img=IMAGE, r_txt=TEXT,
             r_l=many)
    read = read_embeddings([path])
    assert read.image_label.shape == read.gallery.image_label.shape == (6, 4)


def test_link_out_of_a_file_is_not_followed(tmp_path):
    h5py = pytest.importorskip('h5py')
    with h5py.File(tmp_path / 'secret.h5', 'w') as file:
        file['image'] = IMAGE
    with h5py.File(tmp_path / 'e.h5', 'w') as file:
        file['image'] = h5py.ExternalLink('secret.h5', '/image')
        file['text'], file['label'] = TEXT, LABEL
    with pytest.raises(ValueError, match="'image' is a link, and only what "
                       'lies in the file'):
        read_embeddings([tmp_path / 'e.h5'])


def test_names_are_no_embeddings(tmp_path):
    path = tmp_path / 'e.npz'
    np.savez(path, image=IMAGE.astype(str), text=TEXT, label=LABEL)
    with pytest.raises(ValueError, match="'image' must hold numbers"):
        read_embeddings([path])


def test_labels_as_text_are_numbers_where_all_lines_are(tmp_path):
    np.save(tmp_path / 'image.npy', IMAGE)
    np.save(tmp_path / 'text.npy', TEXT)
    paths = [tmp_path / 'image.npy', tmp_path / 'text.npy']
    labels = tmp_path / 'labels.txt'
    labels.write_text('1\n-1\n2\n2\n3\n-1\n')
    read = read_embeddings(paths, labels=[labels])
    assert read.image_label.tolist() == [1, -1, 2, 2, 3, -1]
    labels.write_text('cat\n' * 6, 'utf-8-sig')  # as an editor of Windows
    assert set(read_embeddings(paths, labels=[labels]).image_label) == {'cat'}
    labels.write_bytes('Gemüse\n'.encode('latin-1') * 6)
    with pytest.raises(ValueError, match='labels.txt: a file of labels must '
                       'be UTF-8'):
        read_embeddings(paths, labels=[labels])
