// All words of the board, in both languages. A word missing in one is a bug that a test finds.

const zh = {
  skip: "跳到故障列表",
  board: "专线监控",
  live: "实时",
  connecting: "连接中",
  stale: "数据停在 {time}",
  dark: "切换到深色",
  light: "切换到浅色",
  language: "Switch to English",
  other: "EN",
  up: "正常", exposed: "失去保护", down: "中断", unknown: "未知", planned: "计划内",
  circuits: "电路", tickets: "在途工单", overdue: "超时", devices: "设备在线",
  of: "共 {n}", sent: "已派 {n}", at_risk: "有风险 {n}", soon: "半小时内 {n}", month: "本月 {n}",
  devices_down: "离线 {n}", devices_unknown: "未知 {n}",
  blind: "监控失联：{n} 条电路状态未知，不计时，不派单。始于 {time}",
  held: "短时间内派单过多，{n} 张工单暂缓：请核实，确认后即派（netwatch ticket ack）",
  waits: "待核实",
  out_title: "业务中断", exposed_title: "失去保护", other_title: "其他故障", planned_title: "计划内中断",
  quiet: "一切正常", quiet_more: "没有未恢复的故障。", loading: "正在载入…",
  windows: "计划作业", recent: "最近恢复", messages: "已发消息",
  none_windows: "两周内没有计划作业", none_recent: "24 小时内没有已恢复的故障", none_messages: "尚未发出消息",
  running: "进行中，至 {time}", ahead: "{time} 开始", over: "已于 {time} 结束",
  lasted: "历时 {time}", kept: "未超时", breached: "超时",
  left: "剩余", late: "已超时", stopped: "停表", no_clock: "不计时", facility: "设施时限 {time}", battery: "电池 {time} 耗尽",
  standard: "普通", class_none: "未定级",
  since: "{time} 起", sure: "把握 {n}%", symptoms: "{n} 个告警", restored_of: "已恢复 {n}",
  complained: "有申告", enquiry: "询问单", no_ticket: "无工单", unassigned: "未指派", risk: "超时概率 {n}%", expected: "预计恢复：{median} 分钟（五成），{p80} 分钟（八成）",
  watching_why: "观察",
  state: {
    watching: "观察中", dispatched: "已派单", accepted: "已接单", travelling: "途中", on_site: "已到场",
    paused: "挂起", restored: "已恢复", returned: "已回单", closed: "已归档", cancelled: "已撤销", merged: "已合并",
  },
  domain: {
    cable: "线路", equipment: "设备", power: "动力", premises: "用户侧", configuration: "数据", management: "网管",
  },
  root: {
    cable: "光缆", link: "链路", port: "端口", device: "设备", power: "停电", premises: "用户侧",
    agent: "代理无响应", management: "监控失联", circuit: "客户申告",
  },
  scope: { device: "设备", link: "链路", cable: "光缆", circuit: "电路", site: "站点" },
  condition: {
    reachable: "不可达", agent: "网管代理无响应", link: "端口中断", admin: "端口被关闭", los: "收无光（LOS）", optical: "光功率异常",
    errors: "误码", protection: "保护倒换", dying_gasp: "终端掉电告警", onu: "ONU 离线", mains: "市电中断", battery: "电池",
    supply: "电源", hardware: "硬件", temperature: "温度", fan: "风扇", adjacency: "协议邻居中断", loss: "丢包", latency: "时延",
    ais: "AIS", rdi: "RDI", reboot: "重启",
  },
  entry: {
    fault: { opened: "故障确认", cleared: "故障恢复", absorbed: "并入", withdrawn: "撤回", planned: "属计划作业", outlived: "超出计划作业" },
    ticket: {
      opened: "立单", dispatched: "派单", held: "暂缓派单", restored: "业务恢复", cancelled: "撤单", merged: "合并", escalated: "升级通报",
      reskilled: "改派专业", upgraded: "转派修",
    },
    act: {
      ack: "确认", accept: "接单", reject: "退单", depart: "出发", arrive: "到场", restore: "报恢复", pause: "挂起", resume: "解挂",
      return: "回单", close: "归档", generator: "派发电机", refused: "未受理",
    },
    generator: { proposed: "建议发电" },
  },
  pause: {
    customer_absent: "客户不在", customer_refused: "客户拒绝", customer_postponed: "客户改期",
    customer_power: "客户停电", customer_equipment: "客户设备", site_access: "进站受阻", force_majeure: "不可抗力",
    planned_work: "计划作业", spare_parts: "等备件", third_party_damage: "外力破坏", other_operator: "他网原因",
    other_team: "等其他专业", weather: "天气",
  },
  detail: {
    close: "关闭", why: "判断依据", against: "反面证据", unopposed: "没有反面证据。", forecast: "预测", windows: "相关计划作业",
    if_sent: "超时概率 {n}%", if_waiting: "，晚一轮再派 {n}%", ticket: "工单", circuits: "受影响电路",
    exposed: "失去保护的电路", alarms: "告警", journal: "过程", confidence: "把握", facility: "设施时限",
    reason: "派单理由", team: "班组", skill: "专业", more: "另有 {n} 条", gone: "这条故障已不在看板上。",
    circuit: "电路", class: "等级", started: "开始", limit: "时限", left: "剩余", port: "位置", condition: "现象",
    raised: "发生", company: "代维公司", failed: "读取失败，请重试。",
  },
  step: { opened: "立单", dispatched: "派单", accepted: "接单", arrived: "到场", restored: "恢复", returned: "回单" },
  login: {
    title: "需要令牌", text: "从本机以外读取看板需要令牌（config.toml 的 web.token）。",
    token: "令牌", enter: "进入", wrong: "令牌不对。",
  },
};

const en = {
  skip: "Skip to the faults",
  board: "Leased lines",
  live: "live",
  connecting: "connecting",
  stale: "stale since {time}",
  dark: "Switch to dark",
  light: "Switch to light",
  language: "切换到中文",
  other: "中",
  up: "Up", exposed: "Exposed", down: "Down", unknown: "Unknown", planned: "Planned",
  circuits: "circuits", tickets: "Open tickets", overdue: "Overdue", devices: "Devices up",
  of: "of {n}", sent: "{n} sent", at_risk: "{n} at risk", soon: "{n} within 30 min", month: "{n} this month",
  devices_down: "{n} down", devices_unknown: "{n} unknown",
  blind: "Monitoring is blind: {n} circuits unknown, no clock runs, nobody is sent. Since {time}",
  held: "Many crews sent within minutes, {n} orders held: look, then acknowledge each to send it (netwatch ticket ack)",
  waits: "held",
  out_title: "Out of service", exposed_title: "Unprotected", other_title: "Other faults", planned_title: "Planned outages",
  quiet: "All quiet", quiet_more: "No open faults.", loading: "Loading…",
  windows: "Planned work", recent: "Lately cleared", messages: "Messages sent",
  none_windows: "Nothing planned within two weeks", none_recent: "Nothing cleared within 24 h", none_messages: "No message sent yet",
  running: "running until {time}", ahead: "begins {time}", over: "ended {time}",
  lasted: "lasted {time}", kept: "in time", breached: "missed",
  left: "left", late: "overdue", stopped: "clock stopped", no_clock: "no clock", facility: "facility by {time}", battery: "battery until {time}",
  standard: "std", class_none: "no class",
  since: "since {time}", sure: "{n}% sure", symptoms: "{n} symptoms", restored_of: "{n} restored",
  complained: "complaint", enquiry: "enquiry", no_ticket: "no ticket", unassigned: "unassigned", risk: "{n}% risk", expected: "back within {median} min (half), {p80} min (four in five)",
  watching_why: "watching",
  state: {
    watching: "watching", dispatched: "dispatched", accepted: "accepted", travelling: "on the way", on_site: "on site",
    paused: "paused", restored: "restored", returned: "returned", closed: "closed", cancelled: "cancelled", merged: "merged",
  },
  domain: {
    cable: "cable", equipment: "equipment", power: "power", premises: "premises", configuration: "configuration",
    management: "management",
  },
  root: {
    cable: "Cable", link: "Link", port: "Port", device: "Device", power: "Power", premises: "Premises",
    agent: "Agent silent", management: "Monitoring blind", circuit: "Complaint",
  },
  scope: { device: "device", link: "link", cable: "cable", circuit: "circuit", site: "site" },
  condition: {
    reachable: "unreachable", agent: "agent silent", link: "port down", admin: "port shut", los: "loss of light", optical: "light level",
    errors: "errors", protection: "protection", dying_gasp: "dying gasp", onu: "ONU offline", mains: "mains", battery: "battery",
    supply: "power supply", hardware: "hardware", temperature: "temperature", fan: "fan", adjacency: "session lost", loss: "packet loss",
    latency: "latency", ais: "AIS", rdi: "RDI", reboot: "restart",
  },
  entry: {
    fault: { opened: "fault named", cleared: "fault cleared", absorbed: "absorbed", withdrawn: "withdrawn", planned: "planned work", outlived: "outlasts planned work" },
    ticket: {
      opened: "order opened", dispatched: "crew sent", held: "order held", restored: "service back", cancelled: "order cancelled",
      merged: "orders merged", escalated: "escalated", reskilled: "other crew", upgraded: "made a repair",
    },
    act: {
      ack: "acknowledged", accept: "accepted", reject: "rejected", depart: "on the way", arrive: "on site", restore: "said to be back",
      pause: "paused", resume: "resumed", return: "slip returned", close: "closed", generator: "generator ordered", refused: "refused",
    },
    generator: { proposed: "generator proposed" },
  },
  pause: {
    customer_absent: "customer absent", customer_refused: "customer refuses", customer_postponed: "customer postponed",
    customer_power: "customer's power", customer_equipment: "customer's equipment", site_access: "site access",
    force_majeure: "force majeure", planned_work: "planned work", spare_parts: "spare parts",
    third_party_damage: "third-party damage", other_operator: "other operator", other_team: "other team", weather: "weather",
  },
  detail: {
    close: "Close", why: "Why", against: "What speaks against it", unopposed: "Nothing speaks against it.", forecast: "Forecast",
    windows: "Planned work here", if_sent: "{n}% risk of missing the limit", if_waiting: ", {n}% if sent one look later", ticket: "Ticket", circuits: "Circuits hit",
    exposed: "Unprotected circuits", alarms: "Alarms", journal: "Journal", confidence: "Confidence", facility: "Facility limit",
    reason: "Why sent, or not yet", team: "Team", skill: "Skill", more: "and {n} more", gone: "This fault is not on the board any more.",
    circuit: "Circuit", class: "Class", started: "Started", limit: "Limit", left: "Left", port: "Where", condition: "What",
    raised: "Since", company: "Company", failed: "Could not be read; try again.",
  },
  step: { opened: "opened", dispatched: "sent", accepted: "accepted", arrived: "on site", restored: "restored", returned: "returned" },
  login: {
    title: "Token needed", text: "Reading the board from another machine needs the token (web.token of config.toml).",
    token: "Token", enter: "Enter", wrong: "This is not the token.",
  },
};

export const WORDS = { zh, en };
const keep = "netwatch.language";

let language = first();

function first() {
  const asked = new URLSearchParams(location.search).get("lang");
  let kept = null;
  try {
    kept = localStorage.getItem(keep);
  } catch {
    // Nothing is kept; the browser's language decides.
  }
  for (const word of [asked, kept]) if (word in WORDS) return word;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const current = () => language;

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(keep, language);
  } catch {
    // It lasts as long as the page.
  }
}

/** The word for a key such as `state.on_site`; `{n}` and `{time}` are filled in. Unknown words are shown as they are. */
export function t(key, fill) {
  let word = key.split(".").reduce((at, part) => at?.[part], WORDS[language]);
  if (typeof word !== "string") return key.slice(key.lastIndexOf(".") + 1);
  for (const [name, value] of Object.entries(fill ?? {})) word = word.replace(`{${name}}`, value);
  return word;
}

/** How a class of assurance is written on a chip. */
export const className = (name) => (name === "" ? t("class_none") : name === "standard" ? t("standard") : name);
