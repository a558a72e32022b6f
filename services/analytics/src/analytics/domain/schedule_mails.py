"""What the mails say that reports are sent with: in the language of the schedule, as plain text."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from analytics.domain.documents import Document, KeyFigure
from analytics.domain.figures import change_text, with_unit
from analytics.domain.front_matter import days_text, front_matter, notes_of, title_of
from analytics.domain.metrics import METRICS
from analytics.domain.schedules import CODE_LIFE, Cadence, Terms

_CADENCES: Mapping[str, Mapping[Cadence, str]] = {
    "en": {Cadence.DAILY: "every day", Cadence.WEEKLY: "every Monday", Cadence.MONTHLY: "on the first of each month"},
    "zh": {Cadence.DAILY: "每天", Cadence.WEEKLY: "每周一", Cadence.MONTHLY: "每月一日"},
}
_TITLES: Mapping[str, Mapping[str, str]] = {
    "en": {},
    "zh": {
        "hours": "小时报表", "days": "每日报表", "prices": "价格报表", "customers": "客户报表", "campaigns": "活动报表",
        "pumps": "加油机报表", "overview": "油站总览",
    },
}  # fmt: skip
"""By a report's name in paths, which is an English word."""
_CODE_SUBJECTS = {"en": "Your code for reports by e-mail", "zh": "邮件报表验证码"}
_CODE_TEXTS = {
    "en": """Somebody who runs {about} wants this address to get the report "{report}" {cadence}.

If that is fine with you, give them this code, which is good for {hours} hours:

    {code}

If not, there is nothing to do: without the code no report is sent here.
""",
    "zh": """{about} 的管理人员希望{cadence}向此邮箱发送报表“{report}”。

如您同意,请将以下验证码告知对方({hours} 小时内有效):

    {code}

如不同意,无需任何操作:没有验证码,报表不会发送到此邮箱。
""",
}
_REPORT_TEXTS = {
    "en": """The report is attached.

{facts}

{figures}You get this {cadence}, since this address was confirmed for it. Whoever set it up can stop it at any time.
""",
    "zh": """报表见附件。

{facts}

{figures}此邮箱已确认接收该报表,{cadence}发送。设置者可随时停止发送。
""",
}


def code_mail(terms: Terms, about: str, code: str) -> tuple[str, str]:
    """(subject, text) of the mail that asks whether somebody wants a report."""
    language = terms.language
    report = _TITLES[language].get(terms.report, terms.report)
    text = _CODE_TEXTS[language].format(
        about=about, report=report, cadence=_CADENCES[language][terms.cadence],
        hours=int(CODE_LIFE.total_seconds()) // 3600, code=code,
    )  # fmt: skip
    return _CODE_SUBJECTS[language], text


def report_mail(terms: Terms, document: Document) -> tuple[str, str]:
    """(subject, text) of the mail that a report comes with: what it is about, and its key figures."""
    language = terms.language
    subject = f"{title_of(document, language)}: {document.about}, {days_text(document.first_day, document.last_day)}"
    facts = [f"{what}: {text}" for what, text in front_matter(document, language)]
    figures = [_figure(one, document, language) for one in document.key_figures]
    paragraphs = ["\n".join(figures), *notes_of(document, language)]
    text = _REPORT_TEXTS[language].format(
        facts="\n".join(facts), cadence=_CADENCES[language][terms.cadence],
        figures="".join(f"{paragraph}\n\n" for paragraph in paragraphs if paragraph),
    )  # fmt: skip
    return subject, text


def _figure(one: KeyFigure, document: Document, language: str) -> str:
    metric, currency = METRICS[one.metric], one.currency or document.currency
    value = with_unit(one.value, metric, currency, language, ZoneInfo(document.time_zone))
    change = "" if one.change_basis_points is None else f" ({change_text(one.change_basis_points)})"
    return f"{metric.title_zh if language == 'zh' else metric.title}: {value}{change}"
