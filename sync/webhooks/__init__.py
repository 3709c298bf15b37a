"""Webhooks: what happens to reservations, told to the shop's own systems (docs/webhooks.md).

messages    facts -> messages, and their deliveries in the transaction of the facts
endpoints   the endpoints that managers register, and their deliveries as they read them
addresses   which addresses may be called
sender      one signed call
courier     what is due, in order per reservation; one worker at a time
"""
