"""What moves a forecast, in the words of those who read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from netwatch.core.model import Driver

Language = Literal["en", "zh"]

_CAUSES: Mapping[str, str] = {
    "cable": "光缆中断",
    "link": "链路中断",
    "port": "端口或板卡故障",
    "device": "设备故障",
    "power": "停电",
    "premises": "用户侧故障",
    "configuration": "配置问题",
    "unknown": "原因不明",
}

_WORDS: Mapping[str, Mapping[Language, Callable[[Driver], str]]] = {
    "cause": {
        "en": lambda d: f"probably {d.subject} ({d.figure:.0%})",
        "zh": lambda d: f"多半是{_CAUSES.get(d.subject, d.subject)}（{d.figure:.0%}）",
    },
    "team": {
        "en": lambda d: f"team {d.subject} takes {d.figure:.2g} times as long as others",
        "zh": lambda d: f"班组 {d.subject} 用时为一般的 {d.figure:.2g} 倍",
    },
    "night": {
        "en": lambda d: f"night or weekend: {d.figure:.2g} times as long",
        "zh": lambda d: f"夜间或周末：用时 {d.figure:.2g} 倍",
    },
    "suburb": {
        "en": lambda d: f"outside town: {d.figure:.2g} times as long",
        "zh": lambda d: f"郊区：用时 {d.figure:.2g} 倍",
    },
    "queue": {
        "en": lambda d: f"the team has {d.figure:.0f} orders open already",
        "zh": lambda d: f"班组手上已有 {d.figure:.0f} 张在途工单",
    },
    "elapsed": {
        "en": lambda d: f"it has lasted {d.figure:.0f} min: what heals fast would have healed",
        "zh": lambda d: f"已历时 {d.figure:.0f} 分钟：能自愈的多半已自愈",
    },
}


def in_words(driver: Driver, language: Language) -> str:
    """One thing that moves a forecast, and by how many points."""
    what = _WORDS[driver.kind][language](driver)
    points = f"{100 * driver.points:+.0f}"
    return f"{what} ({points} points)" if language == "en" else f"{what}（{points} 个百分点）"
