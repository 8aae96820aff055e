"""A real Prometheus against proxies that fail each in its own way: while all are well no alert fires, and afterwards each
alert fires for the proxy that it is about, and for no other. The dashboard's queries are asked at the end.

Usage: alerts.py ATTACHE PROMETHEUS. The rules are deploy/prometheus/attache.yml, with two seconds for each of their minutes,
the dashboard is deploy/grafana/attache.json. Takes about two minutes. Prints one line a check, and stops with status 1 at
the first that fails.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from alerts_scenarios import Failed, scenarios

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
SECONDS_A_MINUTE = 2
# So many scrapes, one a second, are longer than every window and every `for` of the rules together.
SCRAPES_WHILE_WELL = 35
WAIT_LIMIT = 180


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}", flush=True)


def wait_until(what, ready):
    """Prints the check once `ready` answers nothing that is missing."""
    deadline = time.monotonic() + WAIT_LIMIT
    while missing := ready():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: {missing}")
        time.sleep(0.5)
    print(f"ok  {what}", flush=True)


class Prometheus:
    def __init__(self, program, folder, targets):
        rules = (DEPLOY / "prometheus/attache.yml").read_text()
        (folder / "rules.yml").write_text(quickened(rules))
        scrapes = [{"targets": [address], "labels": {"instance": name}} for name, address in targets.items()]
        # JSON is YAML.
        (folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "attache", "static_configs": scrapes}],
        }))
        flags = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 "--web.listen-address=127.0.0.1:0"]
        self.process = subprocess.Popen([program, *flags], stderr=subprocess.PIPE, text=True)
        said = []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r'msg="Listening on" address=(\S+)', line):
                self.url = f"http://{found[1]}"
                threading.Thread(target=self.process.stderr.read, daemon=True).start()
                wait_until("Prometheus is ready", lambda: not self.is_ready())
                return
        raise Failed(f"Prometheus ended: {''.join(said[-5:])}")

    def is_ready(self):
        try:
            urllib.request.urlopen(f"{self.url}/-/ready", timeout=20).close()
        except urllib.error.HTTPError:
            return False
        return True

    def ask(self, path, **arguments):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(arguments)}", timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def fired(self):
        """Every alert that has ever fired: the proxy's name, the alert's, and which of its kind it is."""
        alerts = [series["metric"] for series in self.query('max_over_time(ALERTS{alertstate="firing"}[1h])')]
        which = ("error_class", "reason")
        return {(alert.get("instance"), " ".join([alert["alertname"], *(alert[label] for label in which if label in alert)]))
                for alert in alerts}


def quickened(rules):
    minutes = {"m": 1, "h": 60}
    return re.sub(r"\b(\d+)([mh])\b", lambda found: f"{int(found[1]) * minutes[found[2]] * SECONDS_A_MINUTE}s", rules)


def looks_while_well(prometheus, every):
    def too_few():
        scraped = {series["metric"]["instance"]: series["value"][1] for series in prometheus.query("count_over_time(up[1h])")}
        return [name for name in every if int(scraped.get(name, 0)) < SCRAPES_WHILE_WELL]

    wait_until("Prometheus scrapes every proxy", too_few)
    answered = prometheus.query('attache:requests:rate5m{http_response_status_code="200"} > 0')
    answered = {series["metric"]["instance"] for series in answered}
    check("each proxies requests", answered == set(every), set(every) - answered)
    check("no alert has fired while all are well", not prometheus.fired(), prometheus.fired())


def looks_at_faults(prometheus, every):
    wanted = {(name, alert) for name, scenario in every.items() for alert in scenario.alerts}
    for name, scenario in every.items():
        wait_until(f"{name}: {', '.join(sorted(scenario.alerts)) or 'nothing'}",
                   lambda name=name, scenario=scenario: {(name, alert) for alert in scenario.alerts} - prometheus.fired())
    check("and no other alert has fired", prometheus.fired() == wanted, prometheus.fired() - wanted)


def looks_at_rules(prometheus):
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    for rule in rules:
        check(f"{rule['name']} is evaluated", rule["health"] == "ok", rule.get("lastError"))
        if rule["type"] == "recording":
            check("  to something", prometheus.query(rule["name"]))
        for alert in rule.get("alerts", []):
            texts = alert["annotations"].values()
            bad = [text for text in texts if "error expanding" in text or "no value" in text or "<" in text]
            check(f"  and says: {alert['annotations']['description']}", not bad, bad)


def looks_at_dashboard(prometheus):
    dashboard = json.loads((DEPLOY / "grafana/attache.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "30s")
            expression = expression.replace("$job", ".*").replace("$instance", ".*")
            check(f"the dashboard shows: {panel['title']} {target['refId']}", prometheus.query(expression), expression)


def main(attache, program):
    every = scenarios(attache)
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for scenario in every.values():
                scenario.start()
            targets = {name: scenario.metrics for name, scenario in every.items()}
            prometheus = Prometheus(program, pathlib.Path(folder), targets)
            processes.append(prometheus.process)
            looks_while_well(prometheus, every)
            for scenario in every.values():
                scenario.fail(prometheus)
            looks_at_faults(prometheus, every)
            looks_at_rules(prometheus)
            looks_at_dashboard(prometheus)
            for scenario in every.values():
                scenario.end()
            wait_until("none is left: AttacheAbsent", lambda: {(None, "AttacheAbsent")} - prometheus.fired())
        finally:
            for scenario in every.values():
                scenario.end()
            for process in processes:
                process.kill()
                process.wait()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2])
    except Failed as failure:
        sys.exit(f"FAILED  {failure}")
