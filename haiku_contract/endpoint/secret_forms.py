"""The keys that are known by how they look: a prefix, and what follows it; as their providers document it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Form(NamedTuple):
    """A kind of key that is known by how it looks.

    Attributes:
        prefix: what it begins with, as a pattern; a stand-in keeps that.
        rest: what follows, as a pattern.
        hint: a text that is in every one.
        glued: whether it is one behind any letter, too: its prefix is no part of a word.
    """

    prefix: str
    rest: str
    hint: str
    glued: bool = True


FORMS: Final = (
    # Anthropic: keys of the API, of administration, of compliance; access and refresh tokens
    Form(r"sk-ant-(?:[a-z]{3,8}\d\d-)?", r"[A-Za-z0-9_-]{12,}", "sk-ant-"),
    # OpenAI (of projects, of service accounts, of administration) and OpenRouter; then those of before 2024
    Form(r"sk-(?:proj|svcacct|admin|None|or-v1)-", r"[A-Za-z0-9_-]{20,}", "sk-", glued=False),
    Form(r"sk-", r"[A-Za-z0-9_]{20,}(?:-[A-Za-z0-9_-]+)?", "sk-", glued=False),
    Form(r"sk-", r"[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}", "T3BlbkFJ"),
    # Cloudflare, "Token formats": 40 characters and a checksum; keys of the origin CA
    Form(r"cf(?:ut|at|k)_", r"[A-Za-z0-9_-]{30,}", "cf"),
    Form(r"v1\.0-", r"[0-9a-f]{24}-[0-9a-f]{100,}", "v1.0-"),
    # GitHub, "Token expiration and revocation": classic, OAuth, of apps, refresh; fine-grained
    Form(r"gh[pousr]_", r"[A-Za-z0-9]{20,}", "gh"),
    Form(r"github_pat_", r"\w{20,}", "github_pat_"),
    # AWS, "Understanding unique ID prefixes" of IAM
    Form(r"A(?:KIA|SIA|BIA|CCA)", r"[A-Z0-9]{16}(?![A-Za-z0-9+/=_-])", "A"),
    # Google: keys of the API, tokens of OAuth and their clients, keys of authorisation
    Form(r"AIza", r"[A-Za-z0-9_-]{35}(?![A-Za-z0-9+/=_-])", "AIza"),
    Form(r"ya29\.", r"[A-Za-z0-9_-]{20,}", "ya29."),
    Form(r"GOCSPX-", r"[A-Za-z0-9_-]{20,}", "GOCSPX-"),
    Form(r"AQ\.", r"[A-Za-z0-9_-]{35,}", "AQ.", glued=False),
    # Slack, "Tokens"
    Form(r"xox[abeoprs](?:\.xox[bp])?-", r"[A-Za-z0-9-]{10,}", "xox"),
    Form(r"xapp-\d-", r"[A-Za-z0-9-]{10,}", "xapp-"),
    # Hugging Face, Groq, xAI, Replicate, Perplexity
    Form(r"hf_", r"[A-Za-z0-9]{30,}", "hf_"),
    Form(r"gsk_", r"[A-Za-z0-9]{40,}", "gsk_"),
    Form(r"xai-", r"[A-Za-z0-9]{60,}", "xai-"),
    Form(r"r8_", r"[A-Za-z0-9]{37,}", "r8_"),
    Form(r"pplx-", r"[A-Za-z0-9]{40,}", "pplx-"),
    # GitLab, npm, PyPI, Stripe, SendGrid
    Form(r"glpat-", r"[A-Za-z0-9_-]{20,}", "glpat-"),
    Form(r"npm_", r"[A-Za-z0-9]{30,}", "npm_"),
    Form(r"pypi-", r"[A-Za-z0-9_-]{50,}", "pypi-"),
    Form(r"whsec_", r"[A-Za-z0-9+/]{20,}", "whsec_"),
    Form(r"[rs]k_(?:live|test)_", r"[A-Za-z0-9]{20,}", "k_"),
    Form(r"SG\.", r"[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}", "SG."),
)
KEPT: Final = re.compile("(?:" + "|".join(sorted((one.prefix for one in FORMS), key=len, reverse=True)) + "|eyJ)")
"""The prefixes, which a stand-in keeps."""
