"""Views of serving: what is drawn, told and tabled are the ledgers' numbers, and the laws between them hold."""

import re
from functools import partial

import pytest
from drawing import check, drawings, read
from test_valleys import rows_of
from test_views import number, table_of

import llmcalc.views.serving
from llmcalc.formats import number_format
from llmcalc.hardware import gpu
from llmcalc.models import model
from llmcalc.quantization import weight_bytes
from llmcalc.serving import decode_flops, decode_ledger, largest_batch_served, largest_context_served
from llmcalc.units import readable
from llmcalc.views.serving import cache_growth, decoding_roofline, serving_limits

DEFAULTS = {
    "model": "llama-3-8b", "accelerator": "rtx-4090", "weights": "bf16", "cache": "bf16", "context": 8192, "batch": 1,
    "margin_percent": 10,
}  # fmt: skip
SETTINGS = (
    {},
    {"batch": 4},
    {"batch": 64, "context": 512, "weights": "nf4", "cache": "fp8_e4m3"},
    {"batch": 256, "context": 512, "weights": "nf4", "cache": "fp8_e4m3"},
    {"model": "mistral-7b", "context": 131_072, "margin_percent": 0},
    {"model": "llama-3-70b", "accelerator": "h100-sxm", "margin_percent": 20},
    {"model": "gemma-2-9b", "weights": "int8", "accelerator": "l4"},
)


def settled(values):
    """The settings with what is not named, the model, the device, and a cached value's size."""
    chosen = DEFAULTS | values
    size = number_format(chosen["cache"]).bytes_per_value
    return chosen, model(chosen["model"]), gpu(chosen["accelerator"]), size


@pytest.fixture
def drawn(monkeypatch):
    """A function that calls the explorer's view and gives what it hands to its two drawings, and its HTML."""

    def call(**values):
        seen, draw = [], llmcalc.views.serving.stacked_bars

        def spy(bars, **more):
            seen.append(more | {"bars": bars})
            return draw(bars, **more)

        with monkeypatch.context() as patch:
            patch.setattr(llmcalc.views.serving, "stacked_bars", spy)
            html = serving_limits(**values)
        return *seen, html

    return call


@pytest.mark.parametrize("values", SETTINGS)
def test_the_first_bar_is_what_is_held_beside_what_is_offered(drawn, values):
    memory, _, html = drawn(**values)
    chosen, built, device, size = settled(values)
    ((label, held),) = memory["bars"].items()
    assert label.startswith(f"{chosen['batch']} sequence") and f" of {chosen['context']:,} tokens" in label
    assert held == {
        "weights": weight_bytes(built, chosen["weights"]).total,
        "cache": built.kv_cache_bytes(chosen["batch"], chosen["context"], size),
        "kept free": pytest.approx(device.memory_bytes * chosen["margin_percent"] / 100),
    }
    assert memory["limit"] == (f"{device.name}: {readable(device.memory_bytes, 'B')}", device.memory_bytes)
    assert ("does not fit" in html) == (sum(held.values()) > device.memory_bytes) == ("If it fitted" in html)
    assert len(list(map(check, drawings(html)))) == 2


@pytest.mark.parametrize("values", SETTINGS)
def test_the_second_picture_has_the_two_times_of_a_step(drawn, values):
    _, times, html = drawn(**values)
    chosen, built, device, size = settled(values)
    step = decode_ledger(
        built, device, chosen["batch"], chosen["context"], chosen["weights"], bytes_per_value=size
    )  # fmt: skip
    assert times["bars"] == {
        "reading memory": {"weights": step.weights, "cache": step.cache},
        "arithmetic": {"arithmetic": step.arithmetic},
    }
    longer = max(times["bars"].values(), key=lambda parts: sum(parts.values()))
    assert step.binds == ("compute" if "arithmetic" in longer else "memory") and f"{step.binds} binds" in html
    each, together = re.search(r"binds: ([\d.,]+) tokens a second for each sequence, ([\d.,]+) for all", html).groups()
    assert float(number(each)) == pytest.approx(1 / step.total, rel=6e-3)
    assert float(number(together)) == pytest.approx(chosen["batch"] / step.total, rel=6e-3)


@pytest.mark.parametrize("values", SETTINGS)
def test_the_sentence_says_for_how_many_there_is_room(values):
    says = read(drawings(serving_limits(**values))[0]).says
    chosen, built, device, size = settled(values)
    margin = device.memory_bytes * chosen["margin_percent"] / 100
    how = {"weights": chosen["weights"], "bytes_per_value": size, "margin_bytes": margin}
    most = largest_batch_served(built, device.memory_bytes, chosen["context"], **how)
    longest = largest_context_served(built, device.memory_bytes, chosen["batch"], **how)
    assert f"room for {int(most):,} sequence" in says
    assert ("with any length each" if longest == float("inf") else f"with {int(longest):,} tokens each") in says
    assert ("does not fit" in says) == (most < chosen["batch"])


@pytest.mark.parametrize("values", SETTINGS)
def test_the_table_adds_up(drawn, values):
    memory, times, html = drawn(**values)
    rows = {row[0]: row[1:] for row in table_of(html)}
    (held,), read_times = memory["bars"].values(), times["bars"]["reading memory"]
    assert list(rows) == [*held, "together", "arithmetic"]
    assert [rows[part][0] for part in held] == [readable(held[part], "B") for part in held]
    assert [rows[part][1] for part in read_times] == [readable(read_times[part], "s") for part in read_times]
    assert rows["together"] == [readable(sum(held.values()), "B"), readable(sum(read_times.values()), "s")]
    assert rows["arithmetic"] == ["", readable(times["bars"]["arithmetic"]["arithmetic"], "s")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch": 0}, "batch must be a positive number, got 0"),
        ({"context": 0}, "context must be a positive number, got 0"),
        ({"margin_percent": 100}, "margin_percent must leave some memory, got 100"),
        ({"margin_percent": -1}, "margin_percent"),
        ({"weights": "bf17"}, "scheme must be one of"),
        ({"accelerator": "v100-16gb"}, "has no peak for the format 'bf16'"),
    ],
)
def test_nonsense_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        serving_limits(**values)


# --- cache_growth ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("names", "how"), [((), {}), (("llama-3-70b", "deepseek-v3"), {"format": "fp8_e4m3"})])
def test_every_line_is_a_models_cache(handed, names, how):
    seen, html = handed(llmcalc.views.serving, "line_chart", partial(cache_growth, *names), **how)
    lengths, lines = seen["args"]
    size = number_format(how.get("format", "bf16")).bytes_per_value
    for name, line in lines.items():
        assert line == [model(name).kv_cache_bytes(1, tokens, size) / 10**9 for tokens in lengths]
    assert list(lines) == sorted(lines, key=lambda name: -lines[name][-1]) == [row[0] for row in table_of(html)]
    assert set(names) in (set(), set(lines)) and seen["limit"][1] == 24
    assert [*rows_of(html)[0]][1:] == ["1,024 tokens", "8,192", "32,768", "131,072"]
    for row in table_of(html):
        assert row[1:] == [
            readable(model(row[0]).kv_cache_bytes(1, t, size), "B") for t in (2**10, 2**13, 2**15, 2**17)
        ]
    for picture in drawings(html):
        check(picture)


def test_there_are_as_many_lines_as_colours():
    with pytest.raises(ValueError, match="names must be at most 4, one for each colour, got 5"):
        cache_growth("gpt2", "llama-2-7b", "llama-3-8b", "mistral-7b", "falcon-7b")


# --- decoding_roofline ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [{}, {"model": "llama-3-70b", "accelerator": "h100-sxm", "batches": (1, 8, 64, 512)}, {"weights": "nf4"}]
)
def test_every_point_lies_on_the_roof(handed, values):
    seen, html = handed(llmcalc.views.serving, "line_chart", decoding_roofline, **values)
    device = gpu(values.get("accelerator", "rtx-4090"))
    peak, bandwidth = device.peak(), device.memory_bytes_per_second
    corners, roof = seen["args"]
    assert [rate * 10**12 for rate in roof[device.name]] == pytest.approx([corners[0] * bandwidth, peak, peak])
    rows = {row[0]: row for row in table_of(html)}
    assert set(rows) == set(seen["points"])
    for name, (intensity, rate) in seen["points"].items():
        assert rate * 10**12 == pytest.approx(min(intensity * bandwidth, peak))
        assert corners[0] < intensity < corners[2]
        assert rows[name][5] == ("memory" if intensity * bandwidth < peak else "compute")
        assert rows[name][3] == f"{intensity:.3g}"
    for picture in drawings(html):
        check(picture)


def test_a_batch_on_the_roof_takes_as_long_as_its_step(handed):
    seen, _ = handed(llmcalc.views.serving, "line_chart", decoding_roofline, batches=(1, 16, 512), context=100)
    llama, card = model("llama-3-8b"), gpu("rtx-4090")
    for batch in (1, 16, 512):
        _, rate = seen["points"][f"batch {batch:,}"]
        seconds = decode_flops(llama, batch, 100) / (rate * 10**12)
        assert seconds == pytest.approx(decode_ledger(llama, card, batch, 100).total)


def test_a_cache_of_its_own_keeps_a_batch_below_the_ridge(handed):
    """However large: each sequence brings bytes that no other uses."""
    seen, _ = handed(llmcalc.views.serving, "line_chart", decoding_roofline, context=1000, batches=(10**3, 10**6))
    ridge = gpu("rtx-4090").peak() / gpu("rtx-4090").memory_bytes_per_second
    assert all(used < ridge for name, (used, _) in seen["points"].items() if name.startswith("batch"))
    assert seen["points"]["prompt"][0] > ridge
