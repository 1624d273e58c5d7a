"""What an original says of its own making: C2PA credentials, IPTC DigitalSourceType; read, never written."""
