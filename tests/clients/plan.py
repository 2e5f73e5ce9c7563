"""A plan of several rounds."""

from client import data, get, post, same, skip, token, true

ACCESS = token()
strategies = data(get("/service/cloud/strategy", ACCESS))["list"]
same("strategies", [(one["StrategyName"], one["Rounds"]) for one in strategies], [("Twice", 2), ("Once", 1)])
strategy = strategies[0]["StrategyID"]
talked, busy, silent, late = "+6281110009001", "+6281110009005", "+6281110009004", "+6281110019005"
details = [{"Mobile": number, "Comments": at} for at, number in enumerate([talked, busy, silent, late])]
fields = {"PlanName": "a plan", "StrategyID": strategy, "RobotID": "Welcome call", "Details": details}
made = post("/service/cloud/plan", fields, ACCESS)
plan = data(made)["PlanID"]
same("a name twice", post("/service/cloud/plan", fields, ACCESS).status, 409)
fields["PlanName"], fields["StrategyID"] = "another plan", "0" * 32
same("no such strategy", post("/service/cloud/plan", fields, ACCESS).status, 404)


def status():
    return data(get("/service/cloud/plan/status", ACCESS, PlanID=plan))


same("it runs", (status()["Status"], status()["Round"], status()["Rounds"]), ("running", 1, 2))
skip("30m")
rounds = data(get("/service/cloud/plan/rounds", ACCESS, PlanID=plan))["list"]
same("the first round", [(one["Round"], one["Status"], one["Total"]) for one in rounds], [(1, "finished", 4)])
cancel = {"PlanID": plan, "CalleeNumber": late}
data(post("/service/cloud/plan/cancelphonecall", cancel, ACCESS))
cancel["CalleeNumber"] = "+6281999999999"
same("a number of no row", post("/service/cloud/plan/cancelphonecall", cancel, ACCESS).status, 404)
skip("2h")
rounds = data(get("/service/cloud/plan/rounds", ACCESS, PlanID=plan))["list"]
same("the second round calls who was busy", [(one["Round"], one["Status"], one["Total"]) for one in rounds], [(1, "finished", 4), (2, "finished", 1)])
second = data(get("/service/cloud/detail", ACCESS, TaskID=rounds[1]["TaskID"]))["detail"]
same("but not who was taken out", [row["CalleeNumber"] for row in second], [busy])
same("it is over", status()["Status"], "finished")
calls = data(get("/service/cloud/plan/recordings", ACCESS, PlanID=plan, Callee=busy))["list"]
same("every call of a number", [call["RingType"] for call in calls], ["busy", "busy"])
calls = data(get("/service/cloud/plan/recordings", ACCESS, PlanID=plan, Callee=talked))["list"]
true("with its recording", len(calls) == 1 and calls[0]["link"].endswith(".wav"), calls)
tasks = data(get("/service/cloud/list", ACCESS, Type="plan"))
same("its tasks are listed", tasks["total"], 2)
same("among plans only", data(get("/service/cloud/list", ACCESS, Type="normal"))["total"], 0)
