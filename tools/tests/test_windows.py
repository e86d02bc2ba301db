"""The window rule, against windows that were written down by hand."""

from windows import UNKNOWN, Segment, serving_segments, serving_size, window_rows

SERVED = {"architecture": "sasrec", "positions": "start", "max_length": 5}
RECOMPUTED = SERVED | {"positions": "end"}


def test_windows_grow_to_the_maximum_then_drop_to_half() -> None:
    sizes = [serving_size(event, 5) for event in range(1, 13)]
    assert sizes == [1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5, 3]


def test_the_shortest_maximum() -> None:
    assert [serving_size(event, 2) for event in range(1, 8)] == [1, 2, 1, 2, 1, 2, 1]


def test_a_session_longer_than_the_maximum() -> None:
    session = list(range(10, 19))
    assert window_rows(session, 5, SERVED) == [10, 11, 12, 13, 14]
    assert window_rows(session, 6, SERVED) == [13, 14, 15]
    assert window_rows(session, 8, SERVED) == [13, 14, 15, 16, 17]
    assert window_rows(session, 9, SERVED) == [16, 17, 18]


def test_recompute_takes_the_newest() -> None:
    session = list(range(10, 19))
    assert window_rows(session, 3, RECOMPUTED) == [10, 11, 12]
    assert window_rows(session, 9, RECOMPUTED) == [14, 15, 16, 17, 18]


def test_padding_means_recompute() -> None:
    padded = {"architecture": "gru", "padding": "recurrent-prefix", "max_length": 5}
    assert window_rows(list(range(9)), 6, padded) == [1, 2, 3, 4, 5]
    assert window_rows(list(range(9)), 6, padded | {"padding": "none"}) == [3, 4, 5]


def test_unknown_events_count_but_are_left_out() -> None:
    session = [1, UNKNOWN, 2, UNKNOWN, UNKNOWN, UNKNOWN, 3]
    assert window_rows(session, 5, SERVED) == [1, 2]
    assert window_rows(session, 6, SERVED) == []
    assert window_rows(session, 7, SERVED) == [3]


def test_segments_by_hand() -> None:
    assert serving_segments(9, 5) == [Segment(0, 5, 0), Segment(3, 8, 5), Segment(6, 9, 8)]
    assert serving_segments(0, 5) == []


def test_segments_hold_every_serving_window_once() -> None:
    for length in (1, 5, 6, 20, 41):
        for maximum in (2, 5, 8):
            windows = [
                (segment.start, event + 1)
                for segment in serving_segments(length, maximum)
                for event in range(segment.first, segment.end)
            ]
            assert windows == [(event - serving_size(event, maximum), event) for event in range(1, length + 1)]
