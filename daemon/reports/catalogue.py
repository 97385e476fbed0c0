"""The reports that there are, by name."""

from daemon.reports.by_customer import ACTIVITY, DORMANT
from daemon.reports.by_mailing import MAILINGS
from daemon.reports.by_partner import PARTNERS
from daemon.reports.by_place import CASHIERS, RULES, STORES
from daemon.reports.cohorts import COHORTS
from daemon.reports.effect import EFFECT
from daemon.reports.issued import ISSUED
from daemon.reports.points import POINTS
from daemon.reports.programme_cost import COST
from daemon.reports.segments import SEGMENTS
from daemon.reports.staff import STAFF
from daemon.reports.thresholds import THRESHOLDS
from daemon.reports.trend import TREND

REPORTS = {
    report.name: report
    for report in (
        ACTIVITY,
        DORMANT,
        PARTNERS,
        CASHIERS,
        STORES,
        RULES,
        TREND,
        SEGMENTS,
        COHORTS,
        THRESHOLDS,
        ISSUED,
        EFFECT,
        COST,
        STAFF,
        POINTS,
        MAILINGS,
    )
}
