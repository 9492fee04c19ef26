import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from harmonium import plots
from harmonium.errors import InputError


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def drawn_words(figure) -> list[str]:
    texts = [text for axes in figure.axes for text in axes.texts] + list(figure.texts)
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    return [text.get_text() for text in texts + [word for box in legends for word in box.get_texts()]]


def titles(figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


# Tiles


def test_a_grid_holds_every_row_at_its_place_one_pixel_apart():
    rows = np.random.default_rng(0).integers(0, 2, (7, 6)).astype(float)
    sheet = plots.grid(rows, (2, 3), columns=3)
    assert sheet.shape == (3 * 3 + 1, 3 * 4 + 1)
    assert sheet.dtype == np.uint8
    for index, row in enumerate(rows):
        top, left = index // 3 * 3 + 1, index % 3 * 4 + 1
        np.testing.assert_array_equal(sheet[top : top + 2, left : left + 3], 255 * row.reshape(2, 3))
    assert (sheet[::3] == plots.GAP_GRAY).all()
    assert (sheet[:, ::4] == plots.GAP_GRAY).all()
    assert (sheet[7:, 5:] == plots.GAP_GRAY).all()


def test_grey_runs_from_low_to_high_and_stops_there():
    sheet = plots.grid(np.array([[-3.0, -1.0, 0.0, 1.0, 3.0]]), (1, 5), low=-1, high=1)
    np.testing.assert_array_equal(sheet[1, 1:-1], [0, 0, 128, 255, 255])


@pytest.mark.parametrize(("count", "across"), [(1, 1), (10, 10), (16, 4), (64, 8), (100, 10)])
def test_square_pictures_are_set_in_a_row_or_a_square(count, across):
    assert plots.grid(np.zeros((count, 4)), (2, 2)).shape[1] == across * 3 + 1


def test_more_columns_than_rows_leave_no_empty_tiles():
    assert plots.grid(np.zeros((3, 4)), (2, 2), columns=9).shape == (4, 10)


def test_plain_rows_are_strips_in_order():
    rows = np.array([[0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0]])
    sheet = plots.grid(rows, (4,))
    tall, wide = (sheet.shape[0] - 1) // 2, (sheet.shape[1] - 2) // 4
    assert tall - 1 >= 4
    for index, row in enumerate(rows):
        strip = sheet[index * tall + 1 : (index + 1) * tall, 1:-1]
        np.testing.assert_array_equal(strip, np.tile(255 * row.repeat(wide), (tall - 1, 1)))


def test_wide_plain_rows_stay_one_pixel_a_value():
    assert plots.grid(np.zeros((1, 784)), (784,)).shape == (6, 786)


def test_signs_are_colours_and_zero_is_white():
    sheet = plots.signed_grid(np.array([[-1.0, -0.5, 0.0, 0.5, 1.0]]), (1, 5), limit=1.0).astype(int)
    red, _, blue = sheet[1, 1:-1].T
    assert (blue - red)[:2].min() > 50
    assert sheet[1, 3].tolist() == [255, 255, 255]
    assert (red - blue)[3:].min() > 50
    np.testing.assert_array_equal(sheet[1, [1, 5]], plots.SIGNED_STOPS[[0, -1]])


def test_one_scale_serves_all_tiles():
    rows = np.array([[1.0, 1.0], [2.0, -2.0]])
    sheet = plots.signed_grid(rows, (1, 2), columns=2, limit=2.0)
    np.testing.assert_array_equal(sheet[1, 4], plots.SIGNED_STOPS[-1])
    np.testing.assert_array_equal(sheet[1, 1], plots.SIGNED_STOPS[-2])


def test_the_limit_is_the_high_quantile_of_the_sizes():
    rows = np.random.default_rng(1).normal(size=(20, 50))
    limit = float(np.quantile(np.abs(rows), 0.995))
    np.testing.assert_array_equal(plots.signed_grid(rows, (5, 10)), plots.signed_grid(rows, (5, 10), limit=limit))


def test_rows_of_zeros_are_white():
    assert (plots.signed_grid(np.zeros((1, 4)), (2, 2))[1:3, 1:3] == 255).all()


def test_a_lone_weight_among_zeros_sets_the_limit():
    rows = np.zeros((1, 1000))
    rows[0, 7] = -0.5
    np.testing.assert_array_equal(plots.signed_grid(rows, (10, 100))[1, 8], plots.SIGNED_STOPS[0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plots.grid(np.zeros((2, 5)), (2, 3)), r"\(2, 5\): expected \(count, 6\)"),
        (lambda: plots.grid(np.zeros((0, 6)), (2, 3)), "expected"),
        (lambda: plots.grid(np.zeros(6), (2, 3)), "expected"),
        (lambda: plots.grid(np.zeros((1, 8)), (2, 2, 2)), "shape"),
        (lambda: plots.grid(np.zeros((1, 0)), (0,)), "shape"),
        (lambda: plots.grid(np.full((1, 6), np.nan), (2, 3)), "6 non-finite"),
        (lambda: plots.grid(np.zeros((1, 6)), (2, 3), low=1, high=1), "low"),
        (lambda: plots.grid(np.zeros((1, 6)), (2, 3), columns=0), "columns = 0"),
        (lambda: plots.signed_grid(np.zeros((1, 6)), (2, 3), limit=0), "limit = 0"),
        (lambda: plots.signed_grid(np.zeros((1, 6)), (2, 3), limit=np.inf), "limit = inf"),
        (lambda: plots.strips([], (2, 3)), "no groups"),
        (lambda: plots.png(np.zeros((2, 2))), "float64"),
        (lambda: plots.png(np.zeros((2, 2, 4), np.uint8)), "uint8"),
        (lambda: plots.png(np.zeros((0, 2), np.uint8)), "uint8"),
        (lambda: plots.png(np.zeros((2, 2), np.uint8), zoom=0), "zoom = 0"),
        (lambda: plots.png("picture"), "str"),
        (lambda: plots.png(plots.mean_activation(np.zeros(3)), zoom=2), "Figure"),
        (lambda: plots.curves({"epoch": [1, 2]}), "alone"),
        (lambda: plots.curves({"epoch": [1], "loss": [1]}, x="epoc"), "did you mean 'epoch'"),
        (lambda: plots.curves({"epoch": [1], "loss": [1]}, panels=[("a", ["los"])]), "did you mean 'loss'"),
        (lambda: plots.curves({"epoch": [1, 2], "loss": [1]}), "1 values for 2"),
        (lambda: plots.lines({}, title="", xlabel="", ylabel=""), "no series"),
        (lambda: plots.lines({"a": ([0], [1])}, title="", xlabel="", ylabel="", log_x=True), "log_x"),
        (lambda: plots.mean_activation(np.array([0.2, 1.2])), "from 0 to 1"),
        (lambda: plots.mean_activation(np.array([0.2, np.nan])), "from 0 to 1"),
        (lambda: plots.mean_activation(np.zeros((2, 2))), "hidden"),
    ],
)
def test_bad_input_is_told_in_one_line(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


# Files


def test_png_enlarges_every_pixel_to_a_square():
    sheet = np.random.default_rng(2).integers(0, 256, (5, 7), dtype=np.uint8)
    np.testing.assert_array_equal(opened(plots.png(sheet, zoom=3)), sheet.repeat(3, 0).repeat(3, 1))


def test_small_pictures_grow_and_large_ones_stay():
    assert opened(plots.png(np.zeros((10, 10), np.uint8))).shape == (80, 80)
    assert opened(plots.png(np.zeros((300, 20), np.uint8))).shape == (600, 40)
    assert opened(plots.png(np.zeros((10, 900, 3), np.uint8))).shape == (10, 900, 3)


def test_a_figure_becomes_a_png_of_its_size_and_the_same_one_twice():
    figure = plots.mean_activation(np.arange(10) / 10)
    data = plots.png(figure)
    size = figure.get_size_inches() * plots.DPI
    np.testing.assert_allclose(opened(data).shape[:2], size[::-1], atol=1)
    assert plots.png(figure) == data


def test_a_saved_picture_reads_back(tmp_path):
    sheet = plots.signed_grid(np.random.default_rng(3).normal(size=(4, 4)), (2, 2))
    path = plots.save_picture(tmp_path / "new" / "weights.png", sheet, zoom=2)
    assert path == tmp_path / "new" / "weights.png"
    np.testing.assert_array_equal(np.asarray(Image.open(path)), sheet.repeat(2, 0).repeat(2, 1))


def test_a_figure_is_saved_by_suffix(tmp_path):
    path = plots.save_picture(str(tmp_path / "use.JPG"), plots.mean_activation(np.array([0.1, 0.9])))
    with Image.open(path) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.txt", "a.psd"])
def test_a_suffix_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, name):
    with pytest.raises(InputError, match="suffix"):
        plots.save_picture(tmp_path / "deep" / name, np.zeros((2, 2), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_an_animation_keeps_frames_order_and_pace(tmp_path):
    frames = [np.full((4, 6), level, np.uint8) for level in (0, 120, 255)]
    path = plots.save_gif(tmp_path / "chains.gif", frames, zoom=2, milliseconds=50)
    with Image.open(path) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (3, (12, 8), 0)
        for index, frame in enumerate(frames):
            image.seek(index)
            assert image.info["duration"] == 50
            np.testing.assert_array_equal(np.asarray(image.convert("L")), frame.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize(
    ("name", "shapes", "milliseconds", "words"),
    [
        ("a.png", [(2, 2)], 80, "suffix .gif"),
        ("a.gif", [], 80, "frames"),
        ("a.gif", [(2, 2), (2, 3)], 80, "single shape"),
        ("a.gif", [(2, 2)], 5, "milliseconds = 5"),
    ],
)
def test_a_wrong_animation_is_refused(tmp_path, name, shapes, milliseconds, words):
    frames = [np.zeros(shape, np.uint8) for shape in shapes]
    with pytest.raises(InputError, match=words):
        plots.save_gif(tmp_path / name, frames, milliseconds=milliseconds)


# Charts


def test_strips_show_each_group_under_its_label_pixel_for_pixel():
    generator = np.random.default_rng(4)
    groups = [("data", generator.random((5, 6))), ("sample", generator.random((3, 6)))]
    figure = plots.strips(groups, (2, 3))
    assert drawn_words(figure) == ["data", "sample"]
    page = opened(plots.png(figure))[..., 0]
    first = plots.grid(groups[0][1], (2, 3), columns=5).repeat(8, 0).repeat(8, 1)
    top = 8
    left = round(figure.axes[0].get_position().x0 * page.shape[1])
    np.testing.assert_array_equal(page[top : top + first.shape[0], left : left + first.shape[1]], first)


def test_strips_spread_many_pictures_evenly_over_lines():
    sheet = plots.strips([("data", np.zeros((12, 4)))], (2, 2)).axes[0].images[0].get_array()[..., 0]
    assert sheet.shape == (2 * 3 + 1, 6 * 3 + 1)


def test_strips_of_plain_rows_are_tables():
    rows = np.eye(3)
    sheet = plots.strips([("data", rows)], (3,)).axes[0].images[0].get_array()[..., 0]
    np.testing.assert_array_equal(sheet, plots.grid(rows, (3,)))


def test_curves_skip_missing_values_and_name_their_panels():
    table = {
        "epoch": [1, 2, 3, 4],
        "weight_norm": [1.0, None, float("nan"), 4.0],
        "loss": [4, 3, float("inf"), 1],
    }
    figure = plots.curves(table, names={"loss": "free-energy gap"})
    assert titles(figure) == ["weight norm", "free-energy gap"]
    first, second = (axes.lines[0].get_xydata().tolist() for axes in figure.axes)
    assert first == [[1, 1], [4, 4]]
    assert second == [[1, 4], [2, 3], [4, 1]]


def test_columns_can_share_a_panel():
    table = {"epoch": [1, 2], "error": [1, 0], "train": [1, 2], "held_out": [0, 1]}
    figure = plots.curves(table, panels=[("log-likelihood", ["train", "held_out"])])
    assert titles(figure) == ["log-likelihood", "error"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    assert drawn_words(figure) == ["train", "held out"]


def test_whole_epochs_get_whole_ticks():
    axes = plots.curves({"epoch": [1, 2, 3], "loss": [3, 2, 1]}).axes[0]
    ticks = axes.get_xticks()
    assert ticks.tolist() == np.rint(ticks).tolist()


def test_a_column_without_values_says_so():
    assert drawn_words(plots.curves({"epoch": [1, 2], "loss": [None, None]})) == ["no values"]


def test_lines_draw_every_series_and_the_reference():
    figure = plots.lines(
        {"forward": ([1, 10], [1, 2]), "reverse": ([1, 10, 100], [4, float("nan"), 3])},
        title="log Z",
        xlabel="replicas",
        ylabel="nats",
        log_x=True,
        reference=("exact", 2.5),
    )
    axes = figure.axes[0]
    held = {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in axes.lines}
    assert held["forward"] == [[1, 1], [10, 2]]
    assert held["reverse"] == [[1, 4], [100, 3]]
    assert [point[1] for point in held["exact"]] == [2.5, 2.5]
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == ("log", "replicas", "nats")
    assert sorted(drawn_words(figure)) == ["exact", "forward", "reverse"]


def test_names_with_signs_of_other_languages_are_drawn_as_they_are():
    odd = "_cost $ {of} \\frac$ é"
    figure = plots.lines({odd: ([1], [1]), "b": ([1], [2])}, title=odd, xlabel=odd, ylabel=odd)
    assert drawn_words(figure) == [odd, "b"]
    table = plots.curves({"epoch": [1, 2], odd: [1, 2]}, panels=[(odd, [odd])])
    for picture in (figure, table, plots.strips([(odd, np.zeros((1, 4)))], (2, 2))):
        assert plots.png(picture)[1:4] == b"PNG"


def test_mean_activation_sorts_the_units_and_counts_the_idle_and_the_stuck():
    figure = plots.mean_activation(np.array([0.5, 0.001, 1.0, 0.0, 0.01, 0.99]))
    assert titles(figure) == ["6 hidden units\n2 nearly always off (< 1 %), 1 nearly always on (> 99 %)"]
    values = figure.axes[0].patches[0].get_data().values
    assert values.tolist() == [1.0, 0.99, 0.5, 0.01, 0.001, 0.0]


def test_the_room_loads_without_the_drawing_libraries():
    code = "import sys, harmonium.plots; print(sorted({'matplotlib', 'PIL', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_notebook_shows_pictures_and_charts_as_what_they_are():
    sheet = plots.grid(np.eye(4), (2, 2))
    assert sheet._repr_png_() == plots.png(sheet)
    assert plots.signed_grid(np.eye(4), (2, 2))._repr_png_() is not None
    figure = plots.mean_activation(np.array([0.5]))
    assert figure._repr_png_() == plots.png(figure)


def test_a_part_of_a_picture_that_is_none_is_shown_as_numbers():
    assert (plots.grid(np.eye(4), (2, 2))[0] / 2)._repr_png_() is None


LONG = "drift of the chains in 100 Gibbs steps, standard errors of the mean over all chains that were kept"


def charts():
    names = {f"layer {k}": ([1, 2, 3], [k, 2, 1]) for k in range(5)}
    table = {"epoch": [1, 2, 3], **{name: y for name, (_, y) in names.items()}, "loss": [3, 2, 1]}
    yield plots.lines(names, title=LONG, xlabel="x", ylabel="y", reference=("a long reference", 2))
    yield plots.curves(table, panels=[(LONG, list(names))])
    yield plots.curves(table, panels=[(LONG, list(names)), ("other", list(names))])
    x, names = np.random.default_rng(0).normal(size=(6, 50)), [LONG[:40]] * 6
    yield plots.histograms([(LONG, row, row) for row in x])
    yield plots.agreement(x, x, title=LONG, unit="share of rows")
    look = {"xlabel": "column", "ylabel": "column", "unit": "correlation", "columns": names, "rows": names}
    yield plots.matrices([(LONG, np.corrcoef(x)), ("samples", np.corrcoef(x))], **look)


def test_bars_are_one_a_value_where_there_are_few_and_hold_every_row():
    from harmonium.plots.comparisons import bins

    for values in (np.array([-1.0, 1, 1, 1]), np.array([2.0, 2, 2]), np.linspace(0, 9, 200), np.array([0.0, 1, 5])):
        edges = bins(values)
        assert np.histogram(values, edges)[0].sum() == len(values)
        assert (np.diff(edges) > 0).all()
    assert len(bins(np.array([-1.0, 1, 1]))) == 3


@pytest.mark.parametrize("figure", list(charts()))
def test_no_title_is_cut_and_no_legend_covers_a_curve(figure):
    figure.draw_without_rendering()
    page = figure.bbox
    for axes in figure.axes:
        title = axes._left_title.get_window_extent()
        assert page.x0 <= title.x0
        assert title.x1 <= page.x1
        assert title.y1 <= page.y1
        for legend in filter(None, [axes.get_legend(), *figure.legends]):
            assert not legend.get_window_extent().overlaps(axes.get_window_extent())
            assert not legend.get_window_extent().overlaps(title)
