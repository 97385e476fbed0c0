"""The detectors that there are. A new one is a module beside this one, and a line here."""

from daemon.reports.findings.asked_share import ASKED_SHARE
from daemon.reports.findings.burn_then_return import BURN_THEN_RETURN
from daemon.reports.findings.card_often import CARD_OFTEN
from daemon.reports.findings.detector import Detector
from daemon.reports.findings.discount_share import DISCOUNT_SHARE
from daemon.reports.findings.favourite import FAVOURITE
from daemon.reports.findings.flags import FLAGS
from daemon.reports.findings.fresh_card import FRESH_CARD
from daemon.reports.findings.friend_ring import FRIEND_RING
from daemon.reports.findings.look_up_often import LOOKUPS
from daemon.reports.findings.off_hours import OFF_HOURS
from daemon.reports.findings.overrides import OVERRIDES
from daemon.reports.findings.own_card import OWN_CARD
from daemon.reports.findings.return_share import RETURN_SHARE
from daemon.reports.findings.same_reason import SAME_REASON
from daemon.reports.findings.self_partner import SELF_PARTNER
from daemon.reports.findings.split import SPLIT
from daemon.reports.findings.typed_cards import TYPED
from daemon.reports.findings.voids import VOIDS

DETECTORS = (
    CARD_OFTEN,
    DISCOUNT_SHARE,
    ASKED_SHARE,
    RETURN_SHARE,
    FAVOURITE,
    OWN_CARD,
    TYPED,
    LOOKUPS,
    SPLIT,
    BURN_THEN_RETURN,
    FRESH_CARD,
    SAME_REASON,
    FLAGS,
    OVERRIDES,
    VOIDS,
    OFF_HOURS,
    FRIEND_RING,
    SELF_PARTNER,
)
DETECTOR: dict[str, Detector] = {one.name: one for one in DETECTORS}
"""Each by its name."""
