"""Which part of a course is in view: looked at closer, from farther away, moved along."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """All x from `low` to `high`."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """How much is in view."""
        return self.high - self.low

    @property
    def middle(self) -> float:
        """The x in its middle."""
        return (self.low + self.high) / 2

    def zoomed(self, factor: float, around: float | None) -> Span:
        """Closer by a factor above 1, else from farther away; `around` stays where it is, if in view."""
        fixed = self.middle if around is None or not self.low < around < self.high else around
        return Span(fixed - (fixed - self.low) / factor, fixed + (self.high - fixed) / factor)

    def moved(self, share: float, whole: Span) -> Span:
        """Moved by a share of its width, at most to the end of the whole."""
        step = share * self.width
        step = min(max(step, min(whole.low - self.low, 0.0)), max(whole.high - self.high, 0.0))
        return Span(self.low + step, self.high + step)

    def cut_to(self, whole: Span, narrowest: float) -> Span:
        """Within the whole, and no narrower than so much."""
        half = max(self.width, narrowest) / 2
        return Span(max(whole.low, self.middle - half), min(whole.high, self.middle + half))
