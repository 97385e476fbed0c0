"""The shop beside the sale: programme, statuses, codes, top-ups, phone cards."""
