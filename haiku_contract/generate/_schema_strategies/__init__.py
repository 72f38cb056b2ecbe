"""From a JSON Schema (draft 2020-12) to a Hypothesis strategy for the values that conform to it.

Values are constructed, not searched: every keyword with a builder contributes to what is drawn. Where a schema says
more than its builders can guarantee (`not`, `oneOf`, `contains`) the drawn value is held against it, and the simplest
value of that place stands in for one that is refused, so that no example is rejected.
"""

from haiku_contract.generate._schema_strategies.converter import Converter

__all__ = ["Converter"]
