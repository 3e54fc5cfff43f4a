"""Local stand-ins for FCM, WhatsApp Cloud API and an SMTP server, with faults on demand and a page of what customers see."""
