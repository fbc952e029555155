"""A Gradio page that searches a gallery with a published model.

    python projects/gradio_space/app.py --model work_dirs/chtn_demo \
        --gallery pictures/

In a Space the two come from its variables CHTN_MODEL and CHTN_GALLERY.
"""
from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, Optional

from chtn_plugin.apis import RetrievalInferencer, SearchResult

if TYPE_CHECKING:
    import gradio

#: What a page shows of a result: pictures with captions, texts as rows, notes.
Shown = tuple[list[tuple[str, str]], list[list[str]], str]


def find(model: RetrievalInferencer, text: str, picture: Any, topk: int,
         balance: Optional[float] = None) -> Shown:
    """Search by a text, a picture or both together.

    Args:
        model: With a gallery.
        text: The query; empty: none.
        picture: Picture (H, W, 3) uint8 or None.
        topk: How many.
        balance: Share of the instance part, 0 to 1; None: as validation chose.

    Returns:
        Pictures as (file, caption), texts as (score, text), and the notes.

    Raises:
        ValueError: There is no query, or it cannot be read.
    """
    text = text.strip()
    if not text and picture is None:
        raise ValueError('write a text, or give a picture')
    result = model.search(text=text or None, image=picture, topk=topk,
                          balance=balance)
    return pictures_of(result), texts_of(result), '  \n'.join(result.notes)


def pictures_of(result: SearchResult) -> list[tuple[str, str]]:
    """Return file and caption of each picture that was found."""
    return [(hit.path, ' · '.join(filter(None, [
        f'{hit.score:.2f}', hit.label, hit.text[:80]])))
        for hit in result.hits if hit.path]


def texts_of(result: SearchResult) -> list[list[str]]:
    """Return score and text of each text that was found."""
    return [[f'{hit.score:.2f}', hit.text] for hit in result.hits
            if not hit.path]


def build_app(model: RetrievalInferencer) -> gradio.Blocks:
    """Build the page; its slider stands only where a model has two parts."""
    import gradio as gr
    held = model.model.balance

    def answer(text: str, picture: Any, topk: float,
               balance: Optional[float] = None) -> Shown:
        try:
            return find(model, text, picture, int(topk), balance)
        except ValueError as error:
            raise gr.Error(str(error)) from error

    # Nothing is sent anywhere, and nothing waits for a network.
    with gr.Blocks(title='Cross-modal search',
                   analytics_enabled=False) as page:
        gr.Markdown('# Cross-modal search\nWrite what you look for, give a '
                    'picture, or both: "this, but red".')
        with gr.Row():
            text = gr.Textbox(label='Text', autofocus=True)
            picture = gr.Image(label='Picture', type='numpy', height=160)
        inputs = [text, picture, gr.Slider(1, 50, 10, step=1,
                                           label='How many')]
        if held is not None:
            inputs.append(gr.Slider(
                0, 1, held, label='Balance: 0 this kind of thing, 1 this '
                'very thing'))
        button = gr.Button('Search', variant='primary')
        outputs = [gr.Gallery(label='Pictures', columns=5),
                   gr.Dataframe(headers=['score', 'text'], label='Texts'),
                   gr.Markdown()]
        gr.on([button.click, text.submit], answer, inputs, outputs)
    return page


def main() -> None:
    """Load the model, encode the gallery, serve the page."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default=os.environ.get('CHTN_MODEL'),
                        help='run, published folder or hf://USER/NAME')
    parser.add_argument('--gallery', default=os.environ.get('CHTN_GALLERY'),
                        help='folder of pictures, manifest or index')
    args = parser.parse_args()
    if not args.model or not args.gallery:
        parser.error('--model and --gallery are needed (in a Space: its '
                     'variables CHTN_MODEL and CHTN_GALLERY)')
    model = RetrievalInferencer(args.model)
    gallery = model.index(args.gallery)
    # Gradio serves files from nowhere else.
    build_app(model).launch(allowed_paths=sorted({
        os.path.dirname(os.path.abspath(item['path']))
        for item in gallery.fields('path') if item['path']}))


if __name__ == '__main__':
    main()
